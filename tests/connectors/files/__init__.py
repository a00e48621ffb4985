"""Tests of file connectors."""
