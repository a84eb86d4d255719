"""The user's inference script: its functions, and defaults for those it leaves out."""

import importlib.util
import inspect
import os
import sys

from tideway_script_server import codec


class ScriptError(Exception):
    """The script can not be served; the message is one sentence for the user."""

    def __init__(self, message, show_traceback=False):
        super().__init__(message)
        self.show_traceback = show_traceback


class RequestContext:
    """What handlers that take a `context` can ask of it, by the names of AWS's inference toolkit."""

    def __init__(self, model_dir, headers):
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self._headers = headers

    def get_request_header(self, index, name):
        return self._headers.get(name)

    def get_all_request_header(self, index):
        return dict(self._headers)


class UserScript:
    """Imports the script at once, loads its model by `load`, and answers requests by `transform`."""

    def __init__(self, model_dir, code_dir, program):
        self.model_dir = model_dir
        self.code_dir = code_dir
        self.path = os.path.join(self.code_dir, program)
        if os.path.dirname(program) or not os.path.isfile(self.path):
            seen = ", ".join(sorted(os.listdir(model_dir))[:8]) if os.path.isdir(model_dir) else "none"
            raise ScriptError(
                "The artifact has no code/%s. Put a script with model_fn(model_dir) there, or name it by "
                "SAGEMAKER_PROGRAM. Files seen: %s." % (program, seen)
            )
        self.program = program
        module = self._import()
        self._model_fn = getattr(module, "model_fn", None)
        if self._model_fn is None:
            raise ScriptError("code/%s has no model_fn(model_dir): write one that returns the model." % program)
        names = ("transform_fn", "input_fn", "predict_fn", "output_fn")
        self._transform_fn, input_fn, predict_fn, output_fn = (getattr(module, name, None) for name in names)
        if self._transform_fn and (input_fn or predict_fn or output_fn):
            raise ScriptError(
                "code/%s has transform_fn and also input_fn, predict_fn or output_fn: keep the one or the others." % program
            )
        self._input_fn = input_fn or codec.decode
        self._predict_fn = predict_fn or default_predict
        self._output_fn = output_fn or codec.encode
        self._model = None
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "application/json"

    def load(self):
        try:
            self._model = call(self._model_fn, (self.model_dir,), RequestContext(self.model_dir, {}))
        except ImportError as error:
            raise self._missing_package(error) from error
        except BaseException as error:
            reason = "%s: %s" % (type(error).__name__, error)
            raise ScriptError("model_fn of code/%s failed: %s" % (self.program, reason), True) from error

    def transform(self, body, content_type, accept, headers):
        """The answer's bytes and content type."""
        context = RequestContext(self.model_dir, headers)
        content_type = content_type or "application/json"
        if not accept or accept == "*/*":
            accept = self.default_accept
        # AWS's toolkit hands text to the script as str and everything else as bytes.
        if content_type.split(";")[0].strip().lower() in ("application/json", "text/csv"):
            body = body.decode("utf-8")
        if self._transform_fn:
            answer = call(self._transform_fn, (self._model, body, content_type, accept), context)
        else:
            data = call(self._input_fn, (body, content_type), context)
            prediction = call(self._predict_fn, (data, self._model), context)
            answer = call(self._output_fn, (prediction, accept), context)
        if isinstance(answer, tuple) and len(answer) == 2:
            answer, accept = answer
        return as_bytes(answer), str(accept)

    def _import(self):
        sys.path.insert(0, self.code_dir)
        name = os.path.splitext(self.program)[0]
        spec = importlib.util.spec_from_file_location(name, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            raise self._missing_package(error) from error
        except BaseException as error:
            reason = "%s: %s" % (type(error).__name__, error)
            raise ScriptError("code/%s can not be run: %s" % (self.program, reason), True) from error
        return module

    def _missing_package(self, error):
        package = (error.name or "").split(".")[0]
        if not isinstance(error, ModuleNotFoundError) or not package:
            return ScriptError("code/%s can not import what it needs: %s" % (self.program, error), True)
        return ScriptError(
            "%s needs the Python package '%s', which %s does not have. Install it with: %s -m pip install %s"
            % (self.program, package, sys.executable, sys.executable, PACKAGES.get(package, package))
        )


# Modules whose package has another name.
PACKAGES = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
}


def call(function, arguments, context):
    """Calls a handler with or without the context, as its signature asks."""
    wanted = len(inspect.signature(function).parameters)
    if wanted == len(arguments) + 1:
        return function(*arguments, context)
    if wanted == len(arguments):
        return function(*arguments)
    raise TypeError(
        "%s takes %d arguments, but is given %d, or one more with the context"
        % (function.__name__, wanted, len(arguments))
    )


def default_predict(data, model):
    if hasattr(model, "predict"):
        return model.predict(data)
    if callable(model):
        return model(data)
    raise TypeError("The model has no predict method and can not be called: write a predict_fn(data, model).")


def as_bytes(answer):
    if isinstance(answer, str):
        return answer.encode("utf-8")
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return bytes(answer)
    raise TypeError(
        "The script's answer is %s, and must be str or bytes: write an output_fn(prediction, accept)."
        % type(answer).__name__
    )
