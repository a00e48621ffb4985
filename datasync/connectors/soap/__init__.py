"""A SOAP service's answer in, rows out."""
