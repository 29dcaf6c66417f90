"""Proofs that a record stands in the audit log (RFC 6962, 2.1.1), checked by this code and not by the product's."""

import base64
import hashlib


def hashed(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(index, size, leaf, path):
    """The root that a leaf and its path lead to; none where the path has not the right length."""
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = hashed(b"\x01", sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashed(b"\x01", found, sibling)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def proves(proof):
    """Whether a proof as the API gives it leads to the root of its checkpoint."""
    origin, size, root, *rest = proof["checkpoint"].split("\n")
    leaf = base64.b64decode(proof["leaf"])
    if proof["record"] is not None and hashed(b"\x00", proof["record"].encode()) != leaf:
        return False
    path = [base64.b64decode(one) for one in proof["path"]]
    signed = any(line.startswith(f"— {origin} ") for line in rest)
    return (signed and int(size) == proof["size"] > proof["index"] and proof["n"] == proof["index"] + 1
            and root_of(proof["index"], proof["size"], leaf, path) == base64.b64decode(root))
