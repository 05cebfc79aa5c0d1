//! What the box reaches: its own loopback.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use sealwright::sandbox::{Access, Exit, Mount, Network};

use super::{bench, native};

#[test]
fn no_route_out_by_tcp_udp_dns_abstract_sockets_or_vsock() {
    let bench = native!(python);
    let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    let udp_port = udp.local_addr().unwrap().port().to_string();
    let name = format!("sealwright-{}", bench::marker());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    // The host can reach what the box must not.
    std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
    // An address of the host beside the loopback, if it has one (no packet is sent).
    let own = UdpSocket::bind("0.0.0.0:0").unwrap();
    let host = own
        .connect("192.0.2.1:9")
        .and_then(|()| own.local_addr())
        .map_or_else(|_| "192.0.2.1".to_owned(), |address| address.ip().to_string());
    bench.python(
        "import errno, socket, sys
tcp, udp, name, host = sys.argv[1:]
def fails(what, expected, call):
    try:
        call()
    except OSError as error:
        assert error.errno in expected, (what, error)
    else:
        raise SystemExit('not refused: ' + what)
gone = (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
fails('tcp loopback', (errno.ECONNREFUSED,), lambda: socket.create_connection(('127.0.0.1', int(tcp)), 5))
fails('tcp ipv6', (errno.ECONNREFUSED,) + gone, lambda: socket.create_connection(('::1', int(tcp)), 5))
fails('tcp host', gone, lambda: socket.create_connection((host, int(tcp)), 5))
fails('tcp far', gone, lambda: socket.create_connection(('192.0.2.1', 80), 5))
fails('udp far', gone, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53)))
fails('udp host', gone, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (host, int(udp))))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(udp)))
fails('raw', (errno.EPERM,), lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
fails('packet', (errno.EPERM,), lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
fails('vsock', (errno.EPERM,), lambda: socket.socket(40, socket.SOCK_STREAM))
fails('audit', (errno.EPERM,), lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9))
fails('abstract', (errno.ECONNREFUSED,), lambda: socket.socket(socket.AF_UNIX).connect('\\0' + name))
try:
    socket.getaddrinfo('registry.example', 443)
except socket.gaierror:
    pass
else:
    raise SystemExit('resolved')
# What it has works: its own loopback.
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 5)
server.accept()[0].send(b'hello')
assert client.recv(5) == b'hello'
assert len(open('/proc/net/route').read().splitlines()) == 1
",
        &[&port, &udp_port, &name, &host],
    );
    udp.set_nonblocking(true).unwrap();
    assert!(udp.recv(&mut [0; 8]).is_err(), "a datagram came out of the box");
}

#[test]
fn the_hosts_network_is_there_only_when_asked_for() {
    let bench = native!(python);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut spec = bench.python_spec(
        "import socket, sys
socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)
print(open('/etc/hosts').read(), end='')
",
        &[&port],
    );
    spec.network = Network::Host;
    let hosts = bench.temp.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    spec.mounts.push(Mount {
        source: hosts,
        target: "/etc/hosts".parse().unwrap(),
        access: Access::ReadOnly,
    });
    let finished = bench.run(&spec);
    assert_eq!((finished.exit, bench::log(&finished).as_str()), (Exit::Code(0), "127.0.0.1 localhost\n"));
    assert_eq!(finished.isolation.network, "host");
    assert_eq!(finished.isolation.namespaces, ["cgroup", "ipc", "mnt", "pid", "user", "uts"]);
}
