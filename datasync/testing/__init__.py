"""For authors of connectors and apps: the suite that every connector passes, and a made-up Slack."""
