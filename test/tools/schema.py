#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks JSON against a schema: schema.py SCHEMA [--lines] <JSON. With --lines each line is a document. Says what is wrong, and
exits 1; exits 77 where Python's jsonschema is missing."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def main(schema_path, lines):
    with open(schema_path, encoding="utf-8") as stream:
        schema = json.load(stream)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    text = sys.stdin.read()
    documents = text.splitlines() if lines else [text]
    faults = 0
    for document in documents:
        for error in validator.iter_errors(json.loads(document)):
            print("/%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300]))
            faults += 1
    if not documents:
        print("no document")
    return 1 if faults or not documents else 0


sys.exit(main(sys.argv[1], "--lines" in sys.argv[2:]))
