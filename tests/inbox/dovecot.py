"""A real Dovecot on loopback: mail goes in by LMTP and is read by IMAP over TLS. It ends with whoever started it."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PASSWORD = 'canary "7\\x'  # noqa: S105 - of this server only; it must be quoted on the wire
CONF = """\
    base_dir = {folder}/run
    log_path = {folder}/log
    state_dir = {folder}/state
    protocols = imap lmtp
    ssl = yes
    ssl_cert = <{folder}/cert.pem
    ssl_key = <{folder}/key.pem
    ssl_min_protocol = TLSv1.2
    disable_plaintext_auth = yes
    auth_failure_delay = 0
    auth_mechanisms = plain login
    mail_location = maildir:{folder}/mail/%u
    first_valid_uid = 1
    default_internal_user = {internal}
    default_login_user = {login}
    default_internal_group = {group}
    passdb {{
      driver = passwd-file
      args = scheme=PLAIN username_format=%u {folder}/users
    }}
    userdb {{
      driver = static
      args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
    }}
    service lmtp {{
      chroot =
      inet_listener lmtp {{
        address = 127.0.0.1
        port = {lmtp}
      }}
    }}
    service imap-login {{
      chroot =
      inet_listener imap {{
        address = 127.0.0.1
        port = {imap}
      }}
      inet_listener imaps {{
        address = 127.0.0.1
        port = {imaps}
        ssl = yes
      }}
    }}
    service anvil {{
      chroot =
      unix_listener anvil-auth-penalty {{
        mode = 0
      }}
    }}
    service stats {{
      chroot =
    }}
    service auth {{
      unix_listener auth-userdb {{
        mode = 0666
      }}
    }}
"""


@dataclass
class Dovecot:
    """The server, as its users see it."""

    folder: Path
    lmtp: int
    imap: int  # with STARTTLS
    imaps: int

    @property
    def ca_file(self) -> Path:
        return self.folder / "cert.pem"

    def deliver(self, user: str, *mails: bytes) -> None:
        """Put mails into a mailbox, as a mail server would."""
        with smtplib.LMTP("127.0.0.1", self.lmtp) as client:
            for content in mails:
                client.sendmail("", [user], content)

    def settings(self, user: str, **changes: object) -> dict[str, object]:
        """What coopflow.yaml says of a mailbox."""
        return {
            "type": "imap",
            "name": f"mailbox {user}",
            "host": "localhost",
            "port": self.imaps,
            "security": "tls",
            "user": user,
            "password_file": str(self.folder / "password"),
            "ca_file": str(self.ca_file),
            "folder": "INBOX",
            "mark_seen": True,
            **changes,
        }

    def flags(self, user: str) -> list[str]:
        """The flags of every mail in a mailbox, as its Maildir has them."""
        box = self.folder / "mail" / user
        return [path.name.partition(":2,")[2] for part in ("new", "cur") for path in sorted((box / part).iterdir())]


@contextlib.contextmanager
def dovecot(*users: str) -> Iterator[Dovecot]:
    """A running server with these users."""
    folder = Path(tempfile.mkdtemp(prefix="coopflow-dovecot-"))
    folder.chmod(0o755)
    ports = _free_ports(3)
    server = Dovecot(folder, *ports)
    _prepare(server, users)
    command = ["dovecot", "-F", "-c", str(folder / "conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=_end_with_us)
    try:
        for port in ports:
            _wait_for(port, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_us() -> None:
    """Also when the tests are killed (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _prepare(server: Dovecot, users: tuple[str, ...]) -> None:
    folder = server.folder
    for name in ("run", "state", "mail"):
        (folder / name).mkdir(mode=0o755)
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    (folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
    (folder / "users").chmod(0o644)
    (folder / "password").touch(mode=0o600)
    (folder / "password").write_text(PASSWORD + "\n")
    root = os.getuid() == 0
    own = pwd.getpwuid(os.getuid()).pw_name
    mail = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    if root:
        os.chown(folder / "mail", mail.pw_uid, mail.pw_gid)
    (folder / "conf").write_text(
        dedent(CONF).format(
            folder=folder,
            internal="dovecot" if root else own,
            login="dovenull" if root else own,
            group="dovecot" if root else own,
            uid=mail.pw_uid,
            gid=mail.pw_gid,
            lmtp=server.lmtp,
            imap=server.imap,
            imaps=server.imaps,
        )
    )


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"dovecot does not answer on port {port}: {log.read_text() if log.exists() else ''}")
