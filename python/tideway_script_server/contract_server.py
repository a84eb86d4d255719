"""GET /ping and POST /invocations over HTTP/1.1, on a unix socket or TCP."""

import os
import re
import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

from tideway_script_server import codec


class Settings:
    def __init__(self, model_dir, socket_path, host, port, workers, max_body_bytes):
        self.model_dir = model_dir
        self.socket_path = socket_path
        self.host = host
        self.port = port
        self.workers = workers
        self.max_body_bytes = max_body_bytes

    @classmethod
    def from_environment(cls, env):
        def whole(name, fallback):
            written = env.get(name) or str(fallback)
            if not written.isdigit():
                print("%s is %s, and must be a whole number." % (name, written), file=sys.stderr)
                sys.exit(1)
            return int(written)

        return cls(
            model_dir=env.get("TIDEWAY_MODEL_DIR") or os.path.join(env.get("SAGEMAKER_BASE_DIR") or "/opt/ml", "model"),
            socket_path=env.get("TIDEWAY_SOCKET"),
            host=env.get("TIDEWAY_BIND_HOST") or "127.0.0.1",
            port=whole("SAGEMAKER_BIND_TO_PORT", 8080),
            workers=max(1, whole("SAGEMAKER_MODEL_SERVER_WORKERS", 1)),
            max_body_bytes=whole("TIDEWAY_MAX_BODY_BYTES", 104857600),
        )


def listen(settings):
    try:
        if settings.socket_path:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(settings.socket_path)
        else:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        print("The instance can not listen: %s" % error, file=sys.stderr)
        sys.exit(1)
    if settings.socket_path:
        print("Listening on %s" % settings.socket_path, flush=True)
    else:
        print("Listening on http://%s:%d" % listener.getsockname(), flush=True)
    return listener


class ContractServer(ThreadingMixIn, HTTPServer):
    """A thread per connection, so that /ping is answered during a request; the script runs one request at a time."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener, settings, script):
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        # Workers share the listener: one that loses the race for a connection must not block on it.
        listener.setblocking(False)
        self.settings = settings
        self.script = script
        self.ready = False
        self.stopping = False
        self.turn = threading.Lock()
        self.in_flight = 0
        self.idle = threading.Condition()

    def get_request(self):
        connection, _ = self.socket.accept()
        connection.setblocking(True)
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, ("local", 0)

    def run(self):
        self.serve_forever(poll_interval=0.05)
        with self.idle:
            while self.in_flight:
                self.idle.wait()

    def stop(self):
        self.stopping = True
        # shutdown() waits for the loop that this very signal has interrupted.
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tideway"
    sys_version = ""
    # One write per answer: headers and body in two packets would wait for each other on TCP.
    wbufsize = -1

    def do_GET(self):
        if self.path.split("?")[0] == "/ping":
            return self.reply(200 if self.server.ready else 503)
        self.refuse()

    def do_POST(self):
        if self.path.split("?")[0] != "/invocations":
            return self.refuse()
        with self.server.idle:
            self.server.in_flight += 1
        try:
            body = self.read_body()
            if body is not None:
                self.reply(*self.answer(body))
                self.wfile.flush()
        finally:
            with self.server.idle:
                self.server.in_flight -= 1
                self.server.idle.notify_all()

    def answer(self, body):
        if not self.server.ready:
            return 503, "The model is not loaded yet."
        script = self.server.script
        try:
            with self.server.turn:
                answer, content_type = script.transform(
                    body, self.headers.get("Content-Type"), self.headers.get("Accept"), self.headers
                )
            if any(character in content_type for character in "\r\n"):
                raise ValueError("The script's content type has a line end in it.")
            return 200, answer, content_type
        except codec.UnsupportedFormatError as error:
            return 415, str(error)
        except codec.InvalidBody as error:
            return 400, str(error)
        except UnicodeDecodeError as error:
            return 400, "The body is not valid UTF-8: %s" % error
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            # AWS's containers name their user errors this way, and their toolkit answers with such a status.
            status = getattr(error, "status_code", 500)
            message = "%s: %s" % (type(error).__name__, error)
            return (status if isinstance(status, int) and 400 <= status <= 599 else 500), message

    def read_body(self):
        limit = self.server.settings.max_body_bytes
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            chunks, total = [], 0
            while True:
                line = self.rfile.readline(1024).split(b";")[0].strip()
                if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                    self.close_connection = True
                    self.reply(400, "A chunk's size is no number.")
                    return None
                size = int(line, 16)
                if size == 0:
                    break
                total += size
                if total > limit:
                    return self.too_large(limit)
                chunks.append(self.rfile.read(size))
                self.rfile.readline(1024)
            while self.rfile.readline(65536).strip():
                pass
            return b"".join(chunks)
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit():
            self.close_connection = True
            self.reply(400, "The Content-Length is no number.")
            return None
        if int(length) > limit:
            return self.too_large(limit)
        return self.rfile.read(int(length))

    def too_large(self, limit):
        self.close_connection = True
        self.reply(413, "The body is larger than %d bytes." % limit)

    def refuse(self):
        self.close_connection = True
        known = {"/ping": "GET", "/invocations": "POST"}.get(self.path.split("?")[0])
        if known:
            return self.reply(405, "%s takes %s only." % (self.path.split("?")[0], known))
        self.reply(404, "This server answers GET /ping and POST /invocations.")

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = refuse

    def reply(self, status, body=b"", content_type="text/plain; charset=utf-8"):
        body = body.encode("utf-8") if isinstance(body, str) else body
        if self.server.stopping:
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        """Requests are not logged: the platform counts them, and their paths say nothing."""
