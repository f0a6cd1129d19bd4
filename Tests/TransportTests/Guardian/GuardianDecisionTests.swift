import FoundationEssentials
import Glibc
import Testing
import Transport

@Suite("The guardian's decisions")
struct GuardianDecisionTests {
    @Test("a server that dies is started at once, and ever later when it keeps dying, up to five seconds")
    func restartsSlowDown() {
        var backoff = RestartBackoff.server
        let delays = (0..<7).map { _ in backoff.died(after: .seconds(1)) }
        let expected = [0, 400, 800, 1600, 3200, 5000, 5000].map { Duration.milliseconds($0) }
        #expect(delays == expected)
    }

    @Test("a long life wipes out the deaths before it")
    func healthyLifeResets() {
        var backoff = RestartBackoff.server
        for _ in 0..<5 { _ = backoff.died(after: .zero) }
        #expect(backoff.died(after: .seconds(10)) == .zero)
        #expect(backoff.died(after: .zero) == .zero)
        #expect(backoff.died(after: .zero) == .milliseconds(400))
    }

    @Test("jitter takes up to half of a guardian's delay away, and a thousand deaths do not overflow it")
    func jitterIsBounded() {
        var backoff = RestartBackoff.guardian
        #expect(backoff.died(after: .zero, jitter: 0) == .milliseconds(200))
        #expect(backoff.died(after: .zero, jitter: 1) == .milliseconds(200))
        for _ in 0..<1000 { _ = backoff.died(after: .zero) }
        #expect(backoff.died(after: .zero, jitter: 1) == .milliseconds(2500))
    }

    @Test("a stop is asked for once, made immediate after 10 s and forced after 13 s")
    func stopEscalates() {
        var escalation = StopEscalation()
        #expect(escalation.signal(at: .zero) == SIGINT)
        #expect(escalation.signal(at: .seconds(9)) == nil)
        #expect(escalation.signal(at: .seconds(10)) == SIGQUIT)
        #expect(escalation.signal(at: .seconds(12)) == nil)
        #expect(escalation.signal(at: .seconds(13)) == SIGKILL)
        #expect(escalation.signal(at: .seconds(99)) == nil)
    }

    @Test("backends without a postmaster are killed at once")
    func orphansAreKilled() {
        var removal = FormerServerRemoval()
        let orphans = [ServerProcess(pid: 7, isBackend: true), ServerProcess(pid: 8, isBackend: true)]
        let orders = removal.orders(at: .zero, processes: orphans)
        #expect(orders == [SignalOrder(pid: 7, signal: SIGKILL), SignalOrder(pid: 8, signal: SIGKILL)])
    }

    @Test("a former postmaster alone is told to stop, ever more firmly, and not in each turn")
    func formerPostmasterIsStopped() {
        var removal = FormerServerRemoval()
        let processes = [ServerProcess(pid: 5, isBackend: false), ServerProcess(pid: 6, isBackend: true)]
        func signal(_ milliseconds: Int) -> [SignalOrder] {
            removal.orders(at: .milliseconds(milliseconds), processes: processes)
        }
        #expect(signal(0) == [SignalOrder(pid: 5, signal: SIGINT)])
        #expect(signal(250) == [])
        #expect(signal(300) == [SignalOrder(pid: 5, signal: SIGINT)])
        #expect(signal(5000) == [SignalOrder(pid: 5, signal: SIGQUIT)])
        #expect(signal(8000) == [SignalOrder(pid: 5, signal: SIGKILL)])
    }

    @Test("postmaster.pid tells the process and its status, also while half written")
    func postmasterFileIsRead() {
        let whole = PostmasterFile(text: "4711\n/data\n1700000000\n5432\n.\n\n  123 456\nstopping\n")
        #expect(whole.pid == 4711)
        #expect(whole.status == "stopping")
        let half = PostmasterFile(text: "4711\n/data\n17")
        #expect(half.pid == 4711)
        #expect(half.status == nil)
        #expect(PostmasterFile(text: "").pid == nil)
    }

    @Test("a network file system is known by its device, whatever the mount's optional fields")
    func networkFileSystemIsKnown() {
        let table = """
            21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            36 21 0:45 / /mnt/share rw,noatime shared:2 master:3 - nfs4 server:/export rw,vers=4.2
            """
        #expect(MountTable.kind(ofDevice: 45, in: table) == "nfs4")
        #expect(MountTable.kind(ofDevice: 254 << 8, in: table) == "ext4")
        #expect(MountTable.kind(ofDevice: 99, in: table) == nil)
        #expect(MountTable.isNetworkFileSystem("nfs4"))
        #expect(!MountTable.isNetworkFileSystem("ext4"))
    }

    @Test("a cluster is served by its own version, a fresh one by the highest, and what is missing is named")
    func installationIsChosen() throws {
        let root = FileManager.default.temporaryDirectory.path + "/installations-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for major in ["13", "15", "17"] {
            let binaries = "\(root)/\(major)/bin"
            try FileManager.default.createDirectory(atPath: binaries, withIntermediateDirectories: true)
            for program in ["initdb", "postgres"] {
                try FileContents.create("\(binaries)/\(program)", [])
                chmod("\(binaries)/\(program)", 0o755)
            }
        }
        #expect(try PostgresInstallation.choose(existing: nil, in: root).major == 17)
        #expect(try PostgresInstallation.choose(existing: 15, in: root).binaries == root + "/15/bin")
        let upgraded = #expect(throws: Refusal.self) { try PostgresInstallation.choose(existing: 16, in: root) }
        #expect(upgraded?.reason.contains("apt-get install postgresql-16") == true)
        let missing = #expect(throws: Refusal.self) { try PostgresInstallation.choose(existing: nil, in: root + "/no") }
        #expect(missing?.reason.contains("apt-get install postgresql") == true)
    }

    @Test("root, postgres and the folder's owner are let in, each once")
    func identitiesAreUnique() {
        let text = PostgresSettings.identities(users: ["postgres", "alice"])
        #expect(text == "anb \"root\" postgres\nanb \"postgres\" postgres\nanb \"alice\" postgres\n")
    }
}
