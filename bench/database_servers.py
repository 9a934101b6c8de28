"""PostgreSQL and MariaDB servers for a benchmark: in a temporary folder, on a free port, gone afterwards."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time

PASSWORD = "bench"


def as_user(user, command):
    """`command` as the package's user, where the benchmark runs as root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def folder_of(user):
    folder = tempfile.mkdtemp(prefix="starling-bench-")
    if os.getuid() == 0:
        shutil.chown(folder, user)
    return folder


@contextlib.contextmanager
def running(folder, command, ready):
    with open(os.path.join(folder, "log"), "wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(600):
            if ready():
                break
            time.sleep(0.1)
        else:
            raise SystemExit(open(os.path.join(folder, "log")).read())
        yield
    finally:
        server.kill()
        server.wait()
        time.sleep(0.3)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres():
    """Gives a function that runs a script as the administrator, and the URL of a user that reads."""
    programs = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    folder, port = folder_of("postgres"), free_port()
    data = os.path.join(folder, "data")
    create = [f"{programs}/initdb", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres",
              "--auth-local=trust", "--auth-host=scram-sha-256", "-D", data]
    subprocess.run(as_user("postgres", create), cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def sql(script):
        client = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", folder, "-p", str(port)]
        return subprocess.run(client, input=script, text=True, capture_output=True)

    command = [f"{programs}/postgres", "-D", data, "-k", folder, "-p", str(port), "-h", "127.0.0.1", "-F",
               "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB"]
    with running(folder, as_user("postgres", command), lambda: sql("SELECT 1").returncode == 0):
        sql(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; GRANT pg_read_all_data TO reader")
        yield sql, f"postgres://reader:{PASSWORD}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def mariadb():
    """As `postgres`, of the database `bench`."""
    folder, port = folder_of("mysql"), free_port()
    data, sock = os.path.join(folder, "data"), os.path.join(folder, "socket")
    create = ["mariadb-install-db", "--no-defaults", f"--datadir={data}",
              "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(as_user("mysql", create), cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def sql(script):
        client = ["mariadb", "--no-defaults", "--user=root", f"--socket={sock}", "--default-character-set=utf8mb4"]
        return subprocess.run(client, input=script, text=True, capture_output=True)

    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={sock}", f"--port={port}",
               f"--pid-file={folder}/pid", "--bind-address=127.0.0.1", "--skip-name-resolve",
               "--innodb-buffer-pool-size=1G", "--innodb-flush-log-at-trx-commit=0", "--log-bin",
               "--server-id=1"]
    with running(folder, as_user("mysql", command), lambda: sql("SELECT 1").returncode == 0):
        sql(f"CREATE USER reader@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO reader@'%'; CREATE DATABASE bench")
        yield sql, f"mysql://reader:{PASSWORD}@127.0.0.1:{port}/bench"
