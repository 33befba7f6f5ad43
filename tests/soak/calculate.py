# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Sums that are the same wherever they are done; each line names one."""
import decimal
import fractions
import hashlib
import json
import math
import random
import re
import zlib


def pi(digits):
    """Machin's formula in whole numbers."""
    unit = 10 ** (digits + 10)

    def arccot(x):
        total = term = unit // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total
    return 4 * (4 * arccot(5) - arccot(239)) // 10 ** 10


def tell(name, value):
    print(name, hashlib.sha256(repr(value).encode()).hexdigest())


tell("pi", pi(3000))
with decimal.localcontext() as context:
    context.prec = 300
    tell("decimal", [decimal.Decimal(n).sqrt() + decimal.Decimal(n).ln() for n in range(2, 60)])
tell("powers", [pow(3, n, 2 ** 127 - 1) for n in range(1, 200000, 97)])
tell("fractions", sum(fractions.Fraction(1, n) for n in range(1, 600)))
chance = random.Random(7)
floats = [chance.gauss(0, 1e6) for _ in range(30000)]
tell("floats", [math.fsum(floats), sum(floats), sorted(floats)[::100]])
tell("functions", [f(abs(x) % 3 + 0.1) for x in floats[:3000] for f in (math.sin, math.exp, math.log, math.atan, math.gamma,
                                                                      math.sqrt, float.hex)])
tell("formats", ["%.3e %r %g" % (x, x, x) for x in floats])
words = [("%x" % (int(abs(x)) * 2654435761 % 2 ** 32)) for x in floats]
text = json.dumps({word: number for number, word in enumerate(words)}, sort_keys=True)
tell("text", [zlib.crc32(text.encode()), zlib.adler32(text.encode()), len(re.findall("[0-9]+[a-f]", text)),
              json.loads(text) == {word: number for number, word in enumerate(words)}])
