"""Tells Keyward's secrets from look-alikes, offline and without a package: `keyward_secret.py < FILE` prints what is one.

A secret is `kws_`, 43 digits of base 62, and 6 digits of a checksum over these 47 characters: the first 32 bits of their
BLAKE3 hash as a big-endian number, its digits of base 62 with the lowest first. The digits are 0-9, A-Z, a-z.
"""

import re
import sys

PATTERN = re.compile(r"\bkws_[0-9A-Za-z]{49}\b")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
INITIAL = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
# Each round mixes the columns, then the diagonals.
ROUND = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
# The text is the first block, the last block and the root at once.
FLAGS = 1 | 2 | 8


def turned(word, by):
    return (word >> by | word << 32 - by) & 0xFFFFFFFF


def blake3_word(text):
    """The first 32 bits of the BLAKE3 hash of at most 64 bytes, as a big-endian number."""
    block = text.ljust(64, b"\0")
    words = [int.from_bytes(block[at:at + 4], "little") for at in range(0, 64, 4)]
    state = [*INITIAL, *INITIAL[:4], 0, 0, len(text), FLAGS]
    for _ in range(7):
        for place, (a, b, c, d) in enumerate(ROUND):
            for word, by_d, by_b in ((words[2 * place], 16, 12), (words[2 * place + 1], 8, 7)):
                state[a] = (state[a] + state[b] + word) & 0xFFFFFFFF
                state[d] = turned(state[d] ^ state[a], by_d)
                state[c] = (state[c] + state[d]) & 0xFFFFFFFF
                state[b] = turned(state[b] ^ state[c], by_b)
        words = [words[at] for at in ORDER]
    return int.from_bytes((state[0] ^ state[8]).to_bytes(4, "little"), "big")


def checksum(head):
    value, digits = blake3_word(head.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits += DIGITS[digit]
    return digits


def is_secret(text):
    return PATTERN.fullmatch(text) is not None and checksum(text[:47]) == text[47:]


if __name__ == "__main__":
    for found in PATTERN.findall(sys.stdin.read()):
        if is_secret(found):
            print(found)
