"""HTTP requests of people and of Slack in, pages and answers out."""
