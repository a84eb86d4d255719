"""What input_fn and output_fn do when the script leaves them out: JSON, CSV and NPY, by NumPy where it is there."""

import csv
import io
import json


class UnsupportedFormatError(Exception):
    """The content type has no default: the caller gets 415."""

    def __init__(self, content_type):
        super().__init__(
            "Content type %s is not supported without an input_fn and output_fn of your own. "
            "Supported content types are application/json, text/csv and application/x-npy." % content_type
        )


class InvalidBody(Exception):
    """The body is not of its content type: the caller gets 400."""


def decode(body, content_type):
    kind = media_type(content_type)
    try:
        if kind == "application/json":
            return as_array(json.loads(body))
        if kind == "text/csv":
            return as_array([[number(field) for field in row] for row in csv.reader(io.StringIO(body)) if row])
        if kind == "application/x-npy":
            return load_npy(body)
    except ValueError as error:
        raise InvalidBody("The body is not valid %s: %s" % (kind, error)) from error
    raise UnsupportedFormatError(content_type)


def encode(prediction, accept):
    kind = media_type(accept)
    if kind == "application/json":
        return json.dumps(prediction, default=plain), "application/json"
    if kind == "text/csv":
        rows = plain_value(prediction)
        rows = rows if isinstance(rows, (list, tuple)) else [rows]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            writer.writerow(row if isinstance(row, (list, tuple)) else [row])
        return text.getvalue(), "text/csv"
    if kind == "application/x-npy":
        buffer = io.BytesIO()
        numpy_for("application/x-npy").save(buffer, prediction, allow_pickle=False)
        return buffer.getvalue(), "application/x-npy"
    raise UnsupportedFormatError(accept)


def media_type(header):
    return header.split(";")[0].strip().lower()


def number(field):
    try:
        return float(field)
    except ValueError:
        return field


def as_array(data):
    """A NumPy array where NumPy is there and the data is regular, as AWS's toolkit gives; else the lists."""
    try:
        import numpy
    except ImportError:
        return data
    return numpy.array(data) if isinstance(data, list) else data


def load_npy(body):
    # Never unpickled, though AWS's toolkit does: a request's array of objects could run code.
    return numpy_for("application/x-npy").load(io.BytesIO(body), allow_pickle=False)


def numpy_for(content_type):
    try:
        import numpy
    except ImportError:
        raise UnsupportedFormatError(content_type + " (which needs NumPy)")
    return numpy


def plain(value):
    """What json.dumps asks of values that it does not know."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    raise TypeError("%s has no JSON: write an output_fn(prediction, accept)" % type(value).__name__)


def plain_value(value):
    return value.tolist() if hasattr(value, "tolist") else value
