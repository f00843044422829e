"""What the peers' runs share: the sandbox's accounts, its controls, and the report."""

import json
import os
import sys
import tomllib
import urllib.parse
import urllib.request

DATA = sys.argv[1]
BASE = sys.argv[2]
FAILED = []

with open(os.path.join(DATA, "accounts.toml"), "rb") as accounts:
    ACCOUNTS = tomllib.load(accounts)["account"]


def account(name):
    return next(entry for entry in ACCOUNTS if entry["name"] == name)


def text(path):
    with open(os.path.join(DATA, path), encoding="utf-8") as file:
        return file.read()


def open_url(url, fields=None):
    """A browser's GET, or the POST of a form."""
    data = urllib.parse.urlencode(fields).encode() if fields else None
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return answer.read().decode()


def control(act, **values):
    body = json.dumps(values).encode()
    request = urllib.request.Request(
        f"{BASE}/control/{act}", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status


def check(what, holds, seen=""):
    print(f"{'ok' if holds else 'FAILED'} {what}{'' if holds else f': {seen}'}", flush=True)
    if not holds:
        FAILED.append(what)


def end():
    sys.exit(1 if FAILED else 0)
