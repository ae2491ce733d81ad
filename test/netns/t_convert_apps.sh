# shellcheck shell=bash source=lib.sh
# What people use, through a converter: ssh, git, HTTP/2 by TLS, and a web socket, which begins as HTTP and goes on both
# ways. Each is converted, none notices.
. "$(dirname "$0")/lib.sh"
convert_network
random_file "$TMP/file" 3
mkdir -p "$TMP/www"
cp "$TMP/file" "$TMP/www/file"
chmod a+r "$TMP/www/file"
# counted COMMAND...: the client runs it with success, and at least one of its connections is converted
counted() {
	local before
	before=$(status relay1 | jq '.clients[0].converted.bytes_down')
	on client timeout $((30 * SLOWNESS)) "$@" || fail "failed: $*"
	wait_for 5 status_is relay1 ".clients[0].converted.bytes_down > $before"
}

say "ssh: a command with data both ways, and git over it"
ssh-keygen -q -t ed25519 -N "" -f "$TMP/host"
ssh-keygen -q -t ed25519 -N "" -f "$TMP/login"
cp "$TMP/login.pub" "$TMP/authorized"
chmod 755 "$TMP"
mkdir -p /run/sshd
nsenter --net="/run/netns/$PREFIX-server" -- /usr/sbin/sshd -D -p 22 -h "$TMP/host" -o AuthorizedKeysFile="$TMP/authorized" -o StrictModes=no -o PidFile=none -o PermitRootLogin=yes -o UsePAM=no 2>"$TMP/sshd.log" &
disown
wait_for 5 listens server 22
learn 22
ssh=(mptcpize run ssh -i "$TMP/login" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
counted "${ssh[@]}" root@$SERVER4 sha1sum <"$TMP/file" >"$TMP/sum"
equals "$(cut -d' ' -f1 "$TMP/sum")" "$(sha1sum <"$TMP/file" | cut -d' ' -f1)" "what arrived"
git init -q --bare "$TMP/bare"
git init -q "$TMP/work"
cp "$TMP/file" "$TMP/work/"
git -C "$TMP/work" add file
git -C "$TMP/work" -c user.name=t -c user.email=t@example.org commit -qm file
export GIT_SSH_COMMAND="${ssh[*]}"
counted git -C "$TMP/work" push -q "ssh://root@$SERVER4$TMP/bare" HEAD:refs/heads/main
counted git clone -q -b main "ssh://root@$SERVER4$TMP/bare" "$TMP/clone"
same_bytes "$TMP/file" "$TMP/clone/file"

say "HTTP/2 by TLS"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/tls.pem" -out "$TMP/tls.crt" -days 2 -subj /CN=server -addext subjectAltName=IP:$SERVER4 2>/dev/null
plain_web
sed "s|listen 80; listen \[::\]:80;|listen 443 ssl http2; ssl_certificate $TMP/tls.crt; ssl_certificate_key $TMP/tls.pem;|; s|nginx.pid|tls.pid|" "$TMP/nginx.conf" >"$TMP/tls.conf"
nsenter --net="/run/netns/$PREFIX-server" -- nginx -c "$TMP/tls.conf" -p "$TMP" 2>>"$TMP/nginx.log" &
disown
wait_for 5 listens server 443
learn 443
counted mptcpize run curl -fsS --no-progress-meter --http2 --cacert "$TMP/tls.crt" -o "$TMP/got" -w '%{http_version} %{remote_ip}\n' -Z "https://$SERVER4/file" -o "$TMP/got2" "https://$SERVER4/file" >"$TMP/said"
equals "$(sort -u "$TMP/said")" "2 $SERVER4" "version and server"
same_bytes "$TMP/file" "$TMP/got"
same_bytes "$TMP/file" "$TMP/got2"

say "a web socket: echo, in small pieces and large ones, and its end from the server"
cat >"$TMP/ws.py" <<'PY'
import base64, hashlib, os, socket, struct, sys

def exactly(f, n):
    data = f.read(n)
    assert len(data) == n, "ended early"
    return data

def frame_read(f):
    head = exactly(f, 2)
    n = head[1] & 127
    if n == 126: n = struct.unpack(">H", exactly(f, 2))[0]
    if n == 127: n = struct.unpack(">Q", exactly(f, 8))[0]
    mask = exactly(f, 4) if head[1] & 128 else bytes(4)
    data = exactly(f, n)
    return head[0] & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(data))

def frame_write(f, opcode, data, masked):
    size = len(data)
    short = size if size < 126 else 126 if size < 65536 else 127
    extra = b"" if size < 126 else struct.pack(">H" if size < 65536 else ">Q", size)
    mask = os.urandom(4) if masked else b""
    body = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if masked else data
    f.write(bytes([128 | opcode, short | (128 if masked else 0)]) + extra + mask + body)
    f.flush()

def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())

def head_read(f):
    lines = []
    while (line := f.readline().strip()): lines.append(line)
    return lines[0], {k.lower(): v.strip() for k, _, v in (l.partition(b":") for l in lines[1:])}

def serve(port):
    s = socket.create_server(("0.0.0.0", port))
    while True:
        f = s.accept()[0].makefile("rwb")
        try:
            _, head = head_read(f)
            f.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept_key(head[b"sec-websocket-key"]) + b"\r\n\r\n")
            f.flush()
            while True:
                opcode, data = frame_read(f)
                frame_write(f, opcode, data, False)
                if opcode == 8: break
        except (IndexError, KeyError, AssertionError, OSError): pass # learn's connection
        f.close()

def talk(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.connect((address, port))
    f = s.makefile("rwb")
    key = base64.b64encode(os.urandom(16))
    f.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
    f.flush()
    status, head = head_read(f)
    assert b" 101 " in status and head[b"sec-websocket-accept"] == accept_key(key), status
    for size in [0, 1, 125, 126, 70000] + [20] * 50:
        data = os.urandom(size)
        frame_write(f, 2, data, True)
        assert frame_read(f) == (2, data), size
    frame_write(f, 8, b"\x03\xe8", True)
    assert frame_read(f)[0] == 8
    assert s.recv(1) == b""
    print("echoed", s.getpeername()[0])

serve(int(sys.argv[2])) if sys.argv[1] == "serve" else talk(sys.argv[2], int(sys.argv[3]))
PY
on server python3 "$TMP/ws.py" serve 8080 &
disown
wait_for 5 listens server 8080
learn 8080
counted python3 "$TMP/ws.py" talk $SERVER4 8080 >"$TMP/said"
equals "$(cat "$TMP/said")" "echoed $SERVER4" "the web socket"
