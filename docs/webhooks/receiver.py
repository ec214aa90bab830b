#!/usr/bin/env python3
"""Sample receiver of Timbre's webhooks, with Python's standard library only.

    WEBHOOK_SECRET=whsec_... python3 receiver.py [--port 8070] [--database events.db]

It shows what every receiver has to do, an Odoo addon as well (see README.md):

1.  verify() the signature over the bytes as they came, before anything is parsed, in constant time.
2.  Refuse a delivery whose DTE-Timestamp is more than five minutes off: it may be an old one sent again.
3.  Refuse the very same delivery (timestamp and signature) a second time.
4.  Apply an event once. Timbre delivers at least once, so an id that is known is answered 200 and
    changes nothing; and of a document only what is newer (data.seq) counts.
5.  Answer 2xx only after the event is stored. Everything else has Timbre try again, for three days.
"""

import argparse
import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds that the sender's clock and ours may differ
MAX_BODY = 1 << 20


class Refused(Exception):
    """A delivery that is not to be believed; status is what the sender gets."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status
        self.reason = reason


def verify(secrets, timestamp, signatures, body, now):
    """Raise Refused unless body was signed with one of our secrets, just now.

    secrets are the live ones: one, or two while you change over. The header DTE-Signature holds a
    signature for each secret that is live at the sender, as "v1=<hex>,v1=<hex>".
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refused(401, "no timestamp")
    given = [part.strip() for part in signatures.split(",")]
    signed = timestamp.encode() + b"." + body
    expected = ["v1=" + hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets]
    if not any([hmac.compare_digest(e.encode(), g.encode()) for e in expected for g in given]):
        raise Refused(401, "forged")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise Refused(401, "late")


class Inbox:
    """What has been received; in Odoo this is a table of its own."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.executescript(
            """
            CREATE TABLE IF NOT EXISTS delivery (mac TEXT PRIMARY KEY, at INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, body TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS document (
                id TEXT, environment TEXT, seq INTEGER NOT NULL, status TEXT NOT NULL, track_id TEXT,
                PRIMARY KEY (environment, id));
            """
        )

    def take(self, timestamp, body, now):
        """Store an event and apply it, in one transaction; False if it is known already."""
        event = json.loads(body)
        mac = hashlib.sha256(timestamp.encode() + b"." + body).hexdigest()
        self.db.execute("BEGIN IMMEDIATE")
        try:
            self.db.execute("DELETE FROM delivery WHERE at < ?", (now - 2 * TOLERANCE,))
            if self.db.execute("INSERT OR IGNORE INTO delivery VALUES (?, ?)", (mac, now)).rowcount == 0:
                raise Refused(409, "replayed")
            fresh = self.db.execute("INSERT OR IGNORE INTO event VALUES (?, ?)", (event["id"], body.decode())).rowcount == 1
            if fresh and event["event"] == "document.status":
                self.apply(event["data"])
            self.db.execute("COMMIT")
            return fresh
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    def apply(self, data):
        """Keep a document's state; one that is not newer than ours changes nothing."""
        self.db.execute(
            """
            INSERT INTO document (id, environment, seq, status, track_id) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (environment, id) DO UPDATE
            SET seq = excluded.seq, status = excluded.status, track_id = excluded.track_id
            WHERE excluded.seq > document.seq
            """,
            (data["id"], data["environment"], data["seq"], data["status"], data["track_id"]),
        )

    def documents(self):
        rows = self.db.execute("SELECT id, seq, status FROM document ORDER BY environment, id")
        return [{"id": i, "seq": seq, "status": status} for i, seq, status in rows]


class Webhook(BaseHTTPRequestHandler):
    """The HTTP edge; server.inbox and server.secrets are set by main()."""

    def do_POST(self):
        try:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 < size <= MAX_BODY:
                raise Refused(413, "size")
            body = self.rfile.read(size)
            now = int(time.time())
            timestamp = self.headers.get("DTE-Timestamp", "")
            verify(self.server.secrets, timestamp, self.headers.get("DTE-Signature", ""), body, now)
            with self.server.turn:
                fresh = self.server.inbox.take(timestamp, body, now)
            self.answer(200, {"applied": fresh})
        except Refused as refused:
            self.answer(refused.status, {"refused": refused.reason})
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"refused": "not an event"})

    def do_GET(self):
        with self.server.turn:
            self.answer(200, self.server.inbox.documents())

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="sample receiver of Timbre's webhooks")
    parser.add_argument("--port", type=int, default=8070)
    parser.add_argument("--database", default=":memory:")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Webhook)
    server.secrets = [s for s in os.environ.get("WEBHOOK_SECRET", "").split(",") if s]
    if not server.secrets:
        parser.error("WEBHOOK_SECRET is not set (POST /v1/companies/{rut}/webhook:rotate shows it once)")
    server.inbox = Inbox(options.database)
    server.turn = threading.Lock()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
