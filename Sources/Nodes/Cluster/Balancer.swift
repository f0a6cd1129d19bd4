import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage
import Transport

/// nginx in front of API nodes, in a folder of its own, as a user's process.
struct Balancer: Sendable {
    let folder: String
    let port: Int
    /// Where nginx counts its requests, on loopback.
    let statusPort: Int
    private let program: String

    /// - Throws: `ClusterFailure` when nginx is not installed.
    init(folder: String, port: Int, statusPort: Int) throws(ClusterFailure) {
        let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"]
        guard let program = places.first(where: { access($0, X_OK) == 0 }) else {
            throw ClusterFailure("nginx is not installed: apt-get install nginx-light")
        }
        self.program = program
        self.folder = folder
        self.port = port
        self.statusPort = statusPort
    }

    /// Runs until cancelled; its requests under way may end.
    /// - Parameter started: told nginx's process.
    /// - Throws: `ClusterFailure` when it ends by itself.
    func run(started: @escaping @Sendable (pid_t) async -> Void) async throws {
        for name in ["run", "temp"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .quit, allowedDurationToNextStep: .seconds(5)),
            .send(signal: .terminate, allowedDurationToNextStep: .seconds(2)),
        ]
        let result = try await Subprocess.run(
            .path(FilePath(program)),
            arguments: ["-p", folder, "-c", "nginx.conf", "-e", "nginx.log", "-g", "daemon off;"],
            platformOptions: options, input: .none, output: .discarded, error: .discarded
        ) { execution in
            await started(pid_t(execution.processIdentifier.value))
        }
        if !Task.isCancelled {
            throw ClusterFailure("nginx ended (\(result.terminationStatus)); its log is \(folder)/nginx.log")
        }
    }

    /// Sends requests to these ports from now on; what is under way elsewhere goes on.
    /// - Parameter process: nginx, once it runs.
    func serve(from ports: [Int], telling process: pid_t?) throws {
        try Data(configuration(ports).utf8).write(to: URL(filePath: "\(folder)/nginx.conf"), options: .atomic)
        if let process { kill(process, SIGHUP) }
    }

    /// A node closes a connection that has been idle for 75 s (`http.idleSeconds`): nginx lets go of it before.
    private func configuration(_ ports: [Int]) -> String {
        let servers = ports.map { "        server 127.0.0.1:\($0) max_fails=0;" }.joined(separator: "\n")
        let upstream = """
                upstream api {
            \(servers)
                    keepalive 32;
                    keepalive_timeout 60s;
                }
            """
        let proxy = """
                        proxy_pass http://api;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                        proxy_set_header Host $host:$server_port;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header X-Forwarded-Proto $scheme;
                        proxy_request_buffering off;
                        proxy_max_temp_file_size 0;
                        proxy_read_timeout 120s;
            """
        let nobody = """
                        default_type application/json;
                        add_header Retry-After 1 always;
                        add_header X-Request-Id $request_id always;
                        return 503 '{"detail": "Servicio no disponible (Service unavailable)", "message": "Servicio no disponible (Service unavailable)"}';
            """
        return """
            # Written by anb cluster up.
            \(geteuid() == 0 ? "user root;" : "")
            pid run/nginx.pid;
            worker_processes 2;
            events { worker_connections 4096; }
            http {
                access_log off;
                client_max_body_size 0;
                client_body_temp_path temp/body;
                proxy_temp_path temp/proxy;
                fastcgi_temp_path temp/fastcgi;
                uwsgi_temp_path temp/uwsgi;
                scgi_temp_path temp/scgi;
            \(ports.isEmpty ? "" : upstream)
                server {
                    listen 127.0.0.1:\(port);
                    location / {
            \(ports.isEmpty ? nobody : proxy)
                    }
                }
                server {
                    listen 127.0.0.1:\(statusPort);
                    location = /requests { stub_status; }
                }
            }

            """
    }
}

struct ClusterFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
