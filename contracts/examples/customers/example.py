"""Customers in MariaDB in, good ones in PostgreSQL out, and a mail about the others that names none, step by step."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

from datasync.testing.servers.mail import Mailbox, body_of, mail_server
from datasync.testing.servers.mariadb import MariadbServer, mariadb_server, mysql_connect
from datasync.testing.servers.postgres import create_database, postgres_server, rows_of, settings_of
from datasync.testing.walkthrough import Story, Walkthrough, walk

CONTRACT = "customers.yaml"
SETUP = (
    "CREATE DATABASE crm CHARACTER SET utf8mb4",
    "CREATE TABLE crm.customers (customer_id BIGINT PRIMARY KEY, name VARCHAR(100), email VARCHAR(200), phone VARCHAR(40),"
    " city VARCHAR(100), state VARCHAR(100), postal_code VARCHAR(10))",
)
REPAIRS = (
    "UPDATE crm.customers SET email = REPLACE(email, '(at)', '@') WHERE customer_id = 1007",
    "UPDATE crm.customers SET email = 'dora.vine@example.com' WHERE customer_id = 1018",
    "UPDATE crm.customers SET email = 'second.account@example.com' WHERE customer_id = 1030",
)
PERSONAL = ("name", "email", "phone")


@dataclass(frozen=True, slots=True)
class Systems:
    """What was started: the source, the target's URL, and who gets the mails."""

    crm: MariadbServer
    warehouse: str
    mailbox: Mailbox

    def change(self, *statements: str) -> None:
        """Carry out statements in the source."""
        with closing(mysql_connect(self.crm.url)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def systems(told: Walkthrough) -> Iterator[Systems]:
    """Start the shop's database, the warehouse and the mail server."""
    with mariadb_server() as crm, postgres_server() as server, mail_server() as (mailbox, port):
        warehouse = create_database(server, "warehouse")
        told.environment |= settings_of(warehouse, "WAREHOUSE")
        told.environment |= {"CRM_SOCKET": str(crm.socket), "CRM_PASSWORD": crm.password, "SMTP_PORT": str(port)}
        told.say(f"Started: MariaDB and PostgreSQL on private sockets, and a mail server on 127.0.0.1:{port}.")
        started = Systems(crm, warehouse, mailbox)
        started.change(*SETUP)
        with closing(mysql_connect(crm.url)) as connection, connection.cursor() as cursor:
            values = [[row[name] or None for name in row] for row in customers(told)]
            cursor.executemany("INSERT INTO crm.customers VALUES (%s, %s, %s, %s, %s, %s, %s)", values)
        yield started


def customers(told: Walkthrough) -> list[dict[str, str]]:
    """Give the made-up people of data/customers.csv."""
    with (told.folder / "data" / "customers.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def named(told: Walkthrough, text: str) -> list[str]:
    """Give the personal values of any customer that stand in a text."""
    lower = text.lower()
    return [row[name] for row in customers(told) for name in PERSONAL if row[name] and row[name].lower() in lower]


def whole(mail: EmailMessage) -> str:
    """Give a mail's headers and all its parts, decoded."""
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    return "\n".join([*(f"{name}: {value}" for name, value in mail.items()), *map(str, parts)])


def tell(told: Walkthrough) -> None:
    """Tell the story."""
    with systems(told) as started:
        run_id = first_run(told, started)
        mail(told, started)
        quarantine(told, run_id)
        repaired(told, started, run_id)


def first_run(told: Walkthrough, started: Systems) -> str:
    """Publish those that keep their promises. Give the run."""
    told.step("The first run", "40 made-up customers: one address is malformed, one is missing, two share one.")
    run = told.run(CONTRACT)
    told.promise("36 are published, 4 set aside", (run.rows.published, run.quarantine.rows) == (36, 4))
    found = rows_of(started.warehouse, "SELECT customer_id, name, email, phone FROM customers ORDER BY customer_id LIMIT 3")
    told.table("Published, the first three", found, "Phone numbers are masked in the target too, by the contract's transform.")
    told.promise("no phone number got there", all("****" in row["phone"] for row in found))
    return run.run_id


def mail(told: Walkthrough, started: Systems) -> None:
    """Look at the mail that the owner got."""
    told.step("The mail", "The owner of the contract got one mail, with the run's page attached.")
    (sent,) = started.mailbox.mails
    told.quote(f"To {sent['To']}: {sent['Subject']}", body_of(sent, "plain"))
    told.promise("it names no customer, no address and no number, and neither does the page", not named(told, whole(sent)))


def quarantine(told: Walkthrough, run_id: str) -> None:
    """Look at the rows set aside, as the columns let them be seen."""
    told.step("In quarantine", "Each column says by `samples` how it may be seen: show, mask (its shape) or hide.")
    told.datasync("quarantine", "show", run_id, "--masked")
    masked = told.asked("quarantine", "show", run_id, "--masked")
    told.remember("masked", masked)
    told.promise("that shows nobody", not named(told, str(masked)))
    reasons = {row["customer_id"]: row["reasons"] for row in masked}
    wanted = {"1007": ["email.format"], "1012": ["email.unique"], "1018": ["email.required"], "1030": ["email.unique"]}
    told.promise("four rows, each with its reason", reasons == wanted)
    rows = told.aside(run_id)
    told.promise(
        "even the store itself knows no phone number: the transform was before", all("****" in row["phone"] for row in rows)
    )
    told.promise(
        "history knows no customer", not named(told, (told.folder / ".datasync" / "history.db").read_bytes().decode("latin-1"))
    )


def repaired(told: Walkthrough, started: Systems, run_id: str) -> None:
    """Repair the source: everything passes, and the mail's thread says so."""
    told.step("The source is repaired")
    for statement in REPAIRS:
        told.does("crm", statement)
    started.change(*REPAIRS)
    run = told.run(CONTRACT)
    told.promise("all 40 are published", (run.status, run.rows.published) == ("passed", 40))
    told.promise("the quarantine is closed by the full read", all(row["_state"] == "superseded" for row in told.aside(run_id)))
    first, second = started.mailbox.mails
    told.quote(f"To {second['To']}: {second['Subject']}", body_of(second, "plain"))
    told.promise("the second mail answers the first", second["In-Reply-To"] == first["Message-ID"])
    told.promise("it names nobody either", not named(told, whole(second)))


if __name__ == "__main__":
    sys.exit(walk(__file__, Story("customers: MariaDB → PostgreSQL, without telling on anybody", tell)))
