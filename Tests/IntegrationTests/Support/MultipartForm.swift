/// A `multipart/form-data` body (RFC 7578).
struct MultipartForm: Sendable {
    struct Part: Sendable {
        let name: String
        var filename: String?
        var contentType: String?
        let bytes: [UInt8]

        static func file(
            _ bytes: [UInt8], name: String = "video_file", filename: String = "clip.mp4",
            contentType: String = "video/mp4"
        ) -> Part {
            Part(name: name, filename: filename, contentType: contentType, bytes: bytes)
        }
        static func title(_ text: String) -> Part { Part(name: "title", bytes: Array(text.utf8)) }
    }

    static let boundary = "----anb-3f9a1c"

    let parts: [Part]

    static func video(_ clip: [UInt8], title: String) -> Self { Self(parts: [.file(clip), .title(title)]) }

    var contentType: String { "multipart/form-data; boundary=\(Self.boundary)" }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for part in parts {
            bytes += Self.head(of: part) + part.bytes + Array("\r\n".utf8)
        }
        return bytes + Array("--\(Self.boundary)--\r\n".utf8)
    }

    static func head(of part: Part) -> [UInt8] {
        var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(part.name)\""
        if let filename = part.filename { head += "; filename=\"\(filename)\"" }
        head += "\r\n"
        if let type = part.contentType { head += "Content-Type: \(type)\r\n" }
        return Array((head + "\r\n").utf8)
    }
}
