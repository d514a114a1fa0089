"""What the page says around its figures."""

ENGINES = """\
{instances:,} instances of six steps that are all due, as in the pattern's sample: a message, a wait, a condition, a
message, a call, a task. The waits have elapsed. The outcome of a step is durably committed before the next step of its
instance begins; coopflow commits {batch} instances at once, the others each by itself. {rounds} rounds, medians; each
engine in a process of its own. Slow engines are given fewer instances. Bytes are what the file has grown by, its log
copied back; memory and CPU are those of the work, without what came before it. In the figures of DBOS and LangGraph an
instance's start is included, as it comes with the first step. The durability of each stands behind its name."""

PROCESSES = """\
The large co-op has {finished:,} instances that have ended and {waiting:,} that are active; in the small one {small:,}
have ended. The commands are the installed ones, each a process from its start to its end."""

PSYCOPG = """\
psycopg is installed here, as DBOS needs it, and peewee imports it at each start: all commands but the idle tick take
longer than they would without. `--others` keeps it apart."""

TICKS = """\
So many instances of the large co-op were due at once. After the tick each has a task on the desk and waits for an
answer."""

CLAIM = """\
To claim {batch} of {due:,} instances that are due took {ours:.2f} ms in the large co-op. The pattern's poll for as
many, of {due:,} due among {all:,}, by priority and on the index that it names, took {theirs:.2f} ms."""

BULK = """\
- `family import`, {lines:,} lines: {families:,.0f} for a second of CPU, {families_peak:.0f} MiB at most.
- `trigger`, {lines:,} lines, each second one starts an instance: {predictions:,.0f} for a second of CPU,
  {predictions_peak:.0f} MiB at most.
- `audit verify`: {verified:,.0f} entries a second.
- `workflow load`, {files:,} new files: {new_files:.2f} × CSafeLoader alone; unchanged: {unchanged_files:.1f} ms."""

MAILS = """\
{mails:,} mails of one tick over one connection to `smtp-sink`, rendered, their commits included: {tick:,.0f} a second,
with {commits:.2f} durable commits a mail of {commit_ms:.1f} ms each. The same mails by `smtplib.send_message` over one
connection: {messages:,.0f} a second; ratio {ratio:.2f}. The channel alone, with no database: {channel:,.0f} a second;
ready bytes by `smtplib.sendmail`: {bare:,.0f}."""

GROWTH = """\
Of {instances:,} instances that have ended, {variant}. While they ran, the journal took {journal:.1f} MiB at most."""

YEAR = "A simulated year, as `python -m tests.year` lives it, with few families."
