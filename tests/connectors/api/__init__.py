"""Tests of APIs as targets."""
