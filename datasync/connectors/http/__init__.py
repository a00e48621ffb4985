"""Requests to one host in, whole and checked answers out: what sources and targets that speak HTTP stand on."""
