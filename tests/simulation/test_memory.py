"""What a commit could have changed is known without asking: which tables it wrote to, and which a question reads."""

from tests.simulation.judges import RULED
from tests.simulation.memory import Writes, new_memory, tables_read
from tests.simulation.rules import AFTER_COMMIT


def test_a_write_is_told_of_by_whatever_statement() -> None:
    memory = new_memory()
    writes = Writes(memory, {"meta", "calendar_days"})
    memory.execute("INSERT OR REPLACE INTO meta SELECT * FROM meta LIMIT 1")
    assert writes.since() == {"meta"}
    assert writes.since() == set()
    memory.execute("INSERT INTO calendars VALUES ('own', 'own', '[]', 'own.txt', '2026-03-01T08:00:00Z')")
    memory.execute("INSERT INTO calendar_days VALUES ('own', '2026-03-02', 'closed')")
    assert writes.since() == {"calendar_days"}
    memory.execute("DELETE FROM calendars")  # and with it, by a CASCADE, its day
    assert writes.since() == {"calendar_days"}


def test_what_a_question_reads_is_known_from_sqlite() -> None:
    question = "SELECT COUNT(*) FROM families, meta WHERE key IN (SELECT day FROM calendar_days)"
    assert tables_read(question) == {"families", "meta", "calendar_days"}
    assert all(tables_read(rule.question) <= RULED for rule in AFTER_COMMIT)
