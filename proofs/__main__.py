"""Run every proof: `python -m proofs`."""

from __future__ import annotations

import sys
import time
import traceback

from proofs.lemma import every_proof


def main() -> int:
    failed = 0
    for family, module, name, prove in every_proof():
        begun, outcome, trace = time.perf_counter(), "proved", ""
        try:
            prove()
        except Exception:
            failed, outcome, trace = failed + 1, "FAILED", traceback.format_exc()
        seconds = time.perf_counter() - begun
        print(
            f"{outcome}  {seconds:6.2f} s  {family}/{module}: {name}\n{trace}", end="", flush=True
        )
    print("every proof holds" if not failed else f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
