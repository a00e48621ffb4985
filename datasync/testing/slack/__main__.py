"""A port in, a made-up Slack that a person can look at and click in out; Ctrl-C ends it."""

from __future__ import annotations

import argparse
import sys

from datasync.testing.slack.gestures import Target
from datasync.testing.slack.server import FakeSlack

_HELP = """Slack for one machine: tokens xoxb-fake and xapp-fake. Let datasync use it with
AIRFLOW_CONN_SLACK_DEFAULT='{"conn_type": "slack", "password": "xoxb-fake", "extra": {"base_url": "…/api/", "channel":
"#data-alerts", "signing_secret": "fake-signing-secret", "app_token": "xapp-fake"}}'"""


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m datasync.testing.slack", description=_HELP)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--interactions", default="", help="URL of the app for clicks; without, Socket Mode")
    parser.add_argument("--commands", default="", help="URL of the app for slash commands; without, Socket Mode")
    parser.add_argument("--secret", default="fake-signing-secret", help="what requests to these URLs are signed with")
    asked = parser.parse_args()
    with FakeSlack(port=asked.port, app=Target(asked.interactions, asked.commands, asked.secret)) as slack:
        sys.stdout.write(f"a made-up Slack: {slack.url}  base_url {slack.api_url}\n")
        sys.stdout.flush()
        try:
            slack.serve()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
