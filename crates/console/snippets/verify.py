import base64, hashlib, hmac, os, time

KEY = base64.b64decode(os.environ["KEYWARD_WEBHOOK_SECRET"].removeprefix("whsec_"))

def verify(headers, body):
    """Whether `body`, the raw bytes, came from Keyward in the last five minutes. Names of headers in lower case."""
    sent = headers["webhook-timestamp"]
    if not sent.isdecimal() or abs(time.time() - int(sent)) > 300:
        return False
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    want = b"v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(want, got.encode()) for got in headers["webhook-signature"].split())
