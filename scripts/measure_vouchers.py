"""Vouchers that one thread checks in a second, and signs, by processor time: a loaded machine does not count.

python scripts/measure_vouchers.py
"""

from antiphon.bench.vouchers import measured

if __name__ == "__main__":
    found = measured()
    print(f"the chain's signature          {found.chain:>9,.0f} a second")
    print(f"the whole message              {found.whole:>9,.0f} a second (target 5,000)")
    print(f"signed by a client             {found.signed:>9,.0f} a second")
