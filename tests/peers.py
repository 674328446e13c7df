"""What the checks against real peers share: a line for each, and the evidence of one that fails."""

failed: list[str] = []


def check(what: str, holds: bool, evidence: object) -> None:
    print(f"{'ok' if holds else 'FAILED'}: {what}", flush=True)
    if not holds:
        failed.append(what)
        print(f"    {str(evidence)[:2000]}")
