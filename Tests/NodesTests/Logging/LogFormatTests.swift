import FoundationEssentials
import Logging
import Nodes
import Synchronization
import Testing

@Suite("Log lines")
struct LogFormatTests {
    private func line(_ format: LogFormat, _ log: (Logger) -> Void) -> String {
        let lines = Lines()
        log(
            Logger(label: "test") { _ in
                NodeLogHandler(level: .info, format: format) { lines.append($0) }
            })
        return lines.all.joined(separator: "\n")
    }

    @Test("a JSON line holds time, level, message and every metadata field, whatever is in them")
    func json() throws {
        let text = line(.json) { logger in
            var logger = logger
            logger[metadataKey: "node"] = "n1"
            logger.warning("two\nlines", metadata: ["video_id": "\"quoted\"", "node": "n2"])
        }
        #expect(!text.contains("\n"))
        let record = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        #expect(record["message"] == "two\nlines" && record["level"] == "warning")
        #expect(record["video_id"] == "\"quoted\"" && record["node"] == "n2")
        #expect(record["timestamp"]?.hasSuffix("Z") == true)
    }

    @Test("a text line is one line, with its fields in order")
    func text() {
        let text = line(.text) { $0.notice("drained\rtwice", metadata: ["b": "2", "a": "1\n3"]) }
        #expect(text.hasSuffix("NOTICE   drained twice  a=1 3  b=2"))
    }

    @Test("what is below the level is not written")
    func level() {
        #expect(line(.text) { $0.debug("quiet") } == "")
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}
