"""Answers that moto does not give."""

from xml.sax.saxutils import escape


class Refused(Exception):
    """An error that is answered."""

    def __init__(self, status, code, message):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def error_body(service, refused):
    """An error in the service's own form."""
    error = f"<Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
    if service in ("s3", "public"):
        return f"<Error>{error}<RequestId>0</RequestId></Error>".encode()
    namespace = ' xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"' if service == "cloudfront" else ""
    error = f"<Error><Type>Sender</Type>{error}</Error><RequestId>0</RequestId>"
    return f"<ErrorResponse{namespace}>{error}</ErrorResponse>".encode()
