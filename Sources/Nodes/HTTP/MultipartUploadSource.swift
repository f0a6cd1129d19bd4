import Actors
import Hummingbird

/// A multipart request as the UploadCoordinator pulls it: the file's bytes go to the spool as they come.
package struct MultipartUploadSource: UploadSource {
    private static let fileNames: Set<String> = ["video_file", "file"]
    private static let titleName = "title"
    /// The longest title in UTF-8, and then some.
    private static let maximumTitleBytes = 4096

    let body: RequestBody
    let boundary: MultipartBoundary

    package func deliver(to spool: any SpoolWriter, maximumBytes: Int64) async throws(UploadError) -> String {
        var form = Form(spool: spool, maximumBytes: maximumBytes, parser: MultipartParser(boundary: boundary))
        do {
            for try await chunk in body { try form.receive(chunk) }
            return try form.finish()
        } catch let error as UploadError {
            throw error
        } catch {
            throw .interrupted
        }
    }

    private struct Form {
        private enum Part {
            case none, file, title, other
        }

        private let spool: any SpoolWriter
        private let maximumBytes: Int64
        private var parser: MultipartParser
        private var events: [MultipartEvent] = []
        private var part = Part.none
        private var hasFile = false
        private var isNamelessFile = false
        private var fileBytes: Int64 = 0
        private var title: [UInt8]?

        init(spool: any SpoolWriter, maximumBytes: Int64, parser: MultipartParser) {
            self.spool = spool
            self.maximumBytes = maximumBytes
            self.parser = parser
        }

        mutating func receive(_ chunk: ByteBuffer) throws {
            try chunk.withUnsafeReadableBytes { bytes in
                events.removeAll(keepingCapacity: true)
                do throws(MultipartError) {
                    try parser.receive(bytes, into: &events)
                } catch {
                    throw Self.malformed(error)
                }
                for event in events { try take(event, bytes) }
            }
        }

        mutating func finish() throws -> String {
            do throws(MultipartError) { try parser.finish() } catch { throw Self.malformed(error) }
            var problems: [FieldProblem] = []
            if !hasFile || (isNamelessFile && fileBytes == 0) {
                problems.append(
                    FieldProblem(
                        type: "missing", location: ["body", "video_file"],
                        message: "El campo es obligatorio (Field required)"))
            }
            let text = title.map { String(decoding: $0, as: UTF8.self) }
            if text == nil {
                problems.append(
                    FieldProblem(
                        type: "missing", location: ["body", "title"],
                        message: "El campo es obligatorio (Field required)"))
            } else if text?.isEmpty == true {
                problems.append(
                    FieldProblem(
                        type: "string_too_short", location: ["body", "title"],
                        message: "El título no puede estar vacío (String should have at least 1 character)"))
            }
            guard problems.isEmpty, let text else { throw UploadError.malformed(problems) }
            return text
        }

        private mutating func take(_ event: MultipartEvent, _ bytes: UnsafeRawBufferPointer) throws {
            switch event {
            case .partBegan(let headers):
                if MultipartUploadSource.fileNames.contains(headers.name), !hasFile {
                    part = .file
                    hasFile = true
                    isNamelessFile = headers.filename?.isEmpty ?? false
                } else if headers.name == MultipartUploadSource.titleName, title == nil {
                    part = .title
                    title = []
                } else {
                    part = .other
                }
            case .body(let range): try take(UnsafeRawBufferPointer(rebasing: bytes[range]))
            case .heldBody(let held): try held.withUnsafeBytes { try take($0) }
            case .partEnded: part = .none
            case .finished: break
            }
        }

        private mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
            switch part {
            case .file:
                fileBytes += Int64(bytes.count)
                guard fileBytes <= maximumBytes else {
                    throw UploadError.refused(.tooLarge(maximumBytes: maximumBytes))
                }
                do throws(WorkspaceError) { try spool.write(bytes) } catch {
                    throw error == .full ? UploadError.full : UploadError.unavailable("\(error)")
                }
            case .title:
                title?.append(contentsOf: bytes)
                guard title?.count ?? 0 <= MultipartUploadSource.maximumTitleBytes else {
                    throw UploadError.titleRefused(.tooLong)
                }
            case .other, .none: break
            }
        }

        private static func malformed(_ error: MultipartError) -> UploadError {
            .malformed([
                FieldProblem(
                    type: "multipart_invalid", location: ["body"],
                    message: "Formulario multipart inválido (Invalid multipart form: \(error))")
            ])
        }
    }
}
