import FoundationEssentials
import Glibc
import Logging
import Transport

/// Writes records to standard error, never waiting for whoever reads them: see `FileDescriptorSink`.
package struct NodeLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let write: @Sendable (String) -> Void

    package init(level: Logger.Level, format: LogFormat, write: @escaping @Sendable (String) -> Void) {
        self.logLevel = level
        self.format = format
        self.write = write
    }

    /// The handler of every logger that is made from now on. One sink for the whole process, so that lines never mix.
    package static func bootstrap(level: Logger.Level, format: LogFormat) {
        let standardError = FileDescriptorSink(descriptor: STDERR_FILENO) { dropped in
            format.line(
                LogEntry(
                    date: Date(), level: .warning, message: "log records were dropped: their reader was too slow",
                    fields: [("records", "\(dropped)")]))
        }
        LoggingSystem.bootstrap { _ in
            NodeLogHandler(level: level, format: format) { standardError.write($0) }
        }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let merged = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
        write(
            format.line(
                LogEntry(
                    date: Date(), level: event.level, message: "\(event.message)",
                    fields: merged.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") })))
    }
}
