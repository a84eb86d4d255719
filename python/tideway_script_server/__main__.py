"""The program inside an instance in script mode: serves code/inference.py by the SageMaker container contract.

Run as ``python3 <path>/tideway_script_server``; Python 3.8 or newer, standard library only.

TIDEWAY_SOCKET                 unix socket to listen on; else TCP on TIDEWAY_BIND_HOST (127.0.0.1) and
SAGEMAKER_BIND_TO_PORT         (8080)
TIDEWAY_MODEL_DIR              the model's folder (else SAGEMAKER_BASE_DIR/model, /opt/ml/model)
TIDEWAY_CODE_DIR               the script's folder (else code/ in the model's folder)
SAGEMAKER_PROGRAM              the script's name in it (inference.py)
SAGEMAKER_MODEL_SERVER_WORKERS processes, each answering one request at a time (1)
TIDEWAY_PIP_INSTALL            1: install code/requirements.txt before the start
TIDEWAY_MAX_BODY_BYTES         largest request (104857600)
"""

import os
import signal
import stat
import sys
import threading
import traceback

# Bytecode would land in the model's folder, which instances share and nobody may change.
sys.dont_write_bytecode = True
# As a package, and from a path that is gone again before the user's code runs: its modules may have our names.
here = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.dirname(here)

from tideway_script_server.contract_server import ContractServer, Settings, listen  # noqa: E402
from tideway_script_server.requirements import install_or_explain  # noqa: E402
from tideway_script_server.user_script import ScriptError, UserScript  # noqa: E402

del sys.path[0]


def main():
    # The user's prints belong in the log when they happen.
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    end_with_parent()
    settings = Settings.from_environment(os.environ)
    code_dir = os.environ.get("TIDEWAY_CODE_DIR") or os.path.join(settings.model_dir, "code")
    try:
        install_or_explain(code_dir, os.environ.get("TIDEWAY_PIP_INSTALL") == "1")
        script = UserScript(settings.model_dir, code_dir, os.environ.get("SAGEMAKER_PROGRAM") or "inference.py")
    except ScriptError as error:
        fail(error)
    listener = listen(settings)
    if settings.workers == 1:
        serve(settings, script, listener)
    else:
        supervise(settings, script, listener)


def serve(settings, script, listener):
    """One worker: answers /ping with 503 until the model is loaded, then serves until it is told to stop."""
    server = ContractServer(listener, settings, script)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    signal.signal(signal.SIGINT, lambda *_: server.stop())
    threading.Thread(target=load, args=(server, script), daemon=True).start()
    server.run()
    sys.stdout.flush()
    os._exit(0)


def load(server, script):
    try:
        script.load()
    except ScriptError as error:
        fail(error)
    server.ready = True
    sys.stdout.write("Serving %s in process %d\n" % (script.path, os.getpid()))


def supervise(settings, script, listener):
    """Several workers share the listening socket; the death of one ends all, so that the instance is replaced."""
    children = []
    for _ in range(settings.workers):
        child = os.fork()
        if child == 0:
            end_with_parent()
            serve(settings, script, listener)
        children.append(child)
    listener.close()

    def forward(*_):
        for child in children:
            try:
                os.kill(child, signal.SIGTERM)
            except ProcessLookupError:
                pass

    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: (stopping.append(True), forward()))
    signal.signal(signal.SIGINT, lambda *_: (stopping.append(True), forward()))
    code = 0
    while children:
        pid, status = os.wait()
        if pid not in children:
            continue
        children.remove(pid)
        if not stopping:
            stopping.append(True)
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
            forward()
    os._exit(code)


def end_with_parent():
    """The engine holds the other end of standard input: when it is gone, so is the reason to run."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return
    # /dev/null and terminals do not tell of a parent.
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def watch():
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def fail(error):
    """The user's traceback, if there is one, and a last line that says what happened and what to do."""
    sys.stdout.flush()
    if error.__cause__ is not None and error.show_traceback:
        cause = error.__cause__
        traceback.print_exception(type(cause), cause, cause.__traceback__)
    print(" ".join(str(error).split()), file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
    main()
