# The guide's receiver (docs/integrate.md, Callbacks: five things to do right), called once.
import hashlib
import hmac
import sys
from urllib.parse import parse_qsl

# RECEIVER

query, secret, key, order = sys.argv[1:]
print(receive(dict(parse_qsl(query)), secret, {key: order}))
