"""Runs the benchmarks one after the other: `python -m benchmarks [--quick] [name ...]`, or `--list`."""

import argparse
import subprocess
import sys
import time

BENCHMARKS = {
    "pages": "every page: server time and SQL statements",
    "today": "Today beside a bare handler for the same rows, and by how many calls are open",
    "scheduling": "find the next free slot and book it, by how much is booked",
    "api_calls": "POST /api/phone-calls: bursts, 1 and 16 clients",
    "api_emails": "POST /api/emails beside a bare INSERT",
    "api_broker_down": "both POSTs with the Kafka broker up and down",
    "mail_drain": "the worker empties a queue, beside bare aiosmtplib",
    "mail_latency": "one e-mail from the API's answer to the mail server",
    "incoming": "an answer from the mailbox to open pages, and a stream of them",
    "reach": "waiting for a better hour: people reached, given up and waiting, simulated",
    "relay": "the outbox to Kafka, beside bare aiokafka",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: whether all of it runs")
    parser.add_argument("--list", action="store_true", help="say what there is and stop")
    parser.add_argument("names", nargs="*", metavar="name", help="by default all")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    options = ["--quick"] if chosen.quick else []
    failed: list[str] = []
    for name in chosen.names or BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name]}", flush=True)
        if chosen.list:
            continue
        start = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}", *options], check=False
        )
        print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
        if ended.returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
