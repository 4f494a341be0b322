"""A small S3 server for tests: path-style, in memory, and strict about signatures.

  server = S3Server({"key": "secret"})   # a thread and a port of its own
  server.endpoint                         # "http://127.0.0.1:PORT"
  server.buckets                          # {name: {key: bytes}}
  server.requests, server.connections     # [(method, target, status)], a number
  server.stop()

Signatures are checked after the specification (AWS Signature Version 4, header form), from the octets that arrived: the
path and the query are decoded and encoded again by this file, so a client that signs something else than the canonical form
is refused, as is one that leaves out a header that must be signed, or whose content is not what its hash says.
Objects: PUT (copy too), GET, HEAD, DELETE.  Buckets: PUT, HEAD, DELETE (empty ones), ListObjectsV2 with pages of `page_max`.
"""
import hashlib, hmac, re, socket, threading, time, xml.sax.saxutils
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

REGION, SERVICE = "us-east-1", "s3"
EMPTY = hashlib.sha256(b"").hexdigest()
CLOCK_SECONDS = 15 * 60
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
                           r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")
STATUS = {"AccessDenied": 403, "SignatureDoesNotMatch": 403, "InvalidAccessKeyId": 403, "RequestTimeTooSkewed": 403,
          "NoSuchBucket": 404, "NoSuchKey": 404, "BucketNotEmpty": 409, "BucketAlreadyOwnedByYou": 409,
          "XAmzContentSHA256Mismatch": 400, "InvalidRequest": 400, "NotImplemented": 501}


class Refused(Exception):
    def __init__(self, code, message=""):
        super().__init__(code)
        self.code, self.message = code, message


def encode(text):
    return quote(text, safe="-._~")


def pairs_of(query):
    """[(name, value)] decoded; `name` alone has an empty value."""
    return [tuple(unquote(part) for part in (piece.partition("=")[0], piece.partition("=")[2]))
            for piece in query.split("&") if piece]


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature_of(secret, date, time_text, region, service, method, path, query, headers, signed, payload):
    """The signature of a request, by the four steps of the specification.  headers: lower-case names."""
    canonical = "\n".join([
        method,
        "/".join(encode(unquote(part)) for part in path.split("/")),
        "&".join(f"{name}={value}" for name, value in sorted((encode(n), encode(v)) for n, v in pairs_of(query))),
        "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed),
        ";".join(signed),
        payload])
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time_text, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = mac(mac(mac(mac(b"AWS4" + secret.encode(), date), region), service), "aws4_request")
    return mac(key, to_sign).hex()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *_):
        pass

    # -- one request --------------------------------------------------------------------------------------------

    def handle_any(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.check_signature(path, query, body)
            bucket, _, key = unquote(path.lstrip("/")).partition("/")
            with self.server.lock:
                status, answer = self.run(bucket, key, dict(pairs_of(query)), body)
            self.answer(status, answer)
        except Refused as refused:
            text = (f"<?xml version='1.0'?><Error><Code>{refused.code}</Code>"
                    f"<Message>{refused.message or refused.code}</Message></Error>")
            self.answer(STATUS[refused.code], text.encode())

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

    def answer(self, status, body):
        with self.server.lock:
            self.server.requests.append((self.command, self.path, status))
        head = [f"HTTP/1.1 {status} X"]
        if status != 204:
            head.append(f"Content-Length: {len(body)}")
        data = ("\r\n".join(head) + "\r\n\r\n").encode()
        self.wfile.write(data if self.command == "HEAD" else data + body)  # in one segment

    def check_signature(self, path, query, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        if len(headers) != len(self.headers.items()):
            raise Refused("InvalidRequest", "a header stands twice")
        match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not match:
            raise Refused("AccessDenied", "no signature")
        key, date, region, service, names, signature = match.groups()
        time_text, payload, signed = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", ""), names.split(";")
        if key not in self.server.keys:
            raise Refused("InvalidAccessKeyId")
        if (region, service, date) != (REGION, SERVICE, time_text[:8]):
            raise Refused("SignatureDoesNotMatch", "scope")
        moment = time.mktime(time.strptime(time_text, "%Y%m%dT%H%M%SZ")) - time.timezone
        if abs(moment - time.time()) > CLOCK_SECONDS:
            raise Refused("RequestTimeTooSkewed")
        must = {"host"} | {n for n in headers if n.startswith("x-amz-")} | {n for n in headers if n == "content-type"}
        if signed != sorted(set(signed)) or not must <= set(signed) <= set(headers):
            raise Refused("SignatureDoesNotMatch", f"signed headers {names}")
        wanted = signature_of(self.server.keys[key], date, time_text, region, service, self.command, path, query, headers,
                              signed, payload)
        if not hmac.compare_digest(wanted, signature):
            raise Refused("SignatureDoesNotMatch")
        if payload == "UNSIGNED-PAYLOAD":
            self.server.unsigned += 1
        elif payload != hashlib.sha256(body).hexdigest():
            raise Refused("XAmzContentSHA256Mismatch")

    # -- what it does -------------------------------------------------------------------------------------------

    def run(self, bucket, key, query, body):
        """(status, body) of the answer."""
        buckets, command = self.server.buckets, self.command
        if not bucket:
            raise Refused("NotImplemented")
        if not key and command == "PUT":
            if bucket in buckets:
                raise Refused("BucketAlreadyOwnedByYou")
            buckets[bucket] = {}
            return 200, b""
        if bucket not in buckets:
            raise Refused("NoSuchBucket")
        objects = buckets[bucket]
        if key:
            return self.run_object(objects, key, query, body)
        if command == "GET" and query.get("list-type") == "2":
            return 200, self.list_page(objects, query).encode()
        if command == "HEAD":
            return 200, b""
        if command == "DELETE":
            if objects:
                raise Refused("BucketNotEmpty")
            del buckets[bucket]
            return 204, b""
        raise Refused("NotImplemented")

    def run_object(self, objects, key, query, body):
        command, copy = self.command, self.headers.get("x-amz-copy-source")
        if query:
            raise Refused("NotImplemented")
        if command == "PUT" and copy:
            bucket, _, source = unquote(copy).lstrip("/").partition("/")
            if source not in self.server.buckets.get(bucket, {}):
                raise Refused("NoSuchKey")
            objects[key] = self.server.buckets[bucket][source]
            return 200, b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"
        if command == "PUT":
            objects[key] = body
            return 200, b""
        if command == "DELETE":
            objects.pop(key, None)
            return 204, b""
        if key not in objects:
            raise Refused("NoSuchKey")
        return 200, objects[key]

    def list_page(self, objects, query):
        """A page of ListObjectsV2; a token is the key or common prefix that came last, in hex (opaque to clients)."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        room = min(int(query.get("max-keys", 1000)), self.server.page_max)
        after = bytes.fromhex(query.get("continuation-token", "").removeprefix("<&>/+ ")).decode()
        names = {}
        for key in sorted(objects):
            if not key.startswith(prefix):
                continue
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            names.setdefault(key if end < 0 else key[:end + 1], None if end >= 0 else len(objects[key]))
        left = [name for name in names if name > after]
        escape = xml.sax.saxutils.escape
        rows = "".join(f"<Contents><Key>{escape(n)}</Key><Size>{names[n]}</Size></Contents>" if names[n] is not None else
                       f"<CommonPrefixes><Prefix>{escape(n)}</Prefix></CommonPrefixes>" for n in left[:room])
        more = len(left) > room
        token = escape("<&>/+ " + left[room - 1].encode().hex()) if more else ""
        return ("<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
                f"<Prefix>{escape(prefix)}</Prefix><IsTruncated>{'true' if more else 'false'}</IsTruncated>"
                + (f"<NextContinuationToken>{token}</NextContinuationToken>" if more else "") + rows + "</ListBucketResult>")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class S3Server:
    def __init__(self, keys, page_max=1000):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.keys, self.server.page_max, self.server.lock = keys, page_max, threading.RLock()
        self.server.buckets, self.server.requests, self.server.connections, self.server.unsigned = {}, [], 0, 0
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __getattr__(self, name):
        return getattr(self.server, name)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
