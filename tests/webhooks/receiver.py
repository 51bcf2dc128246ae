"""A receiver that believes only what the reference implementation of Standard Webhooks verifies.

It answers 503 to the first request of all, to see the next attempt signed, too; 204 to others that
verify, and 400 to those that do not. It prints its port, and a line for each request.
"""

import http.server
import os

from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["HOOK_SECRET"])
first = True


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global first
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            WEBHOOK.verify(body, dict(self.headers.items()))
            status, first = 503 if first else 204, False
        except WebhookVerificationError as error:
            status = 400
            print("refused", error, flush=True)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
        print(status, self.headers["webhook-id"], flush=True)

    def log_message(self, *words):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
