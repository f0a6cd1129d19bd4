import Actors
import Glibc

/// The container family by a file's first bytes.
package enum ContainerSignature: Sendable, Equatable {
    /// ISO base media (ISO/IEC 14496-12) and QuickTime.
    case movie
    /// EBML (RFC 8794); `docType` is `matroska` or `webm`.
    case matroska(docType: String?)
    case avi
    case asf

    static let headBytes = 4096

    package init?(head: [UInt8]) {
        if head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
            self = .matroska(docType: Self.docType(in: head))
        } else if head.starts(with: Array("RIFF".utf8)), head.dropFirst(8).starts(with: Array("AVI ".utf8)) {
            self = .avi
        } else if head.starts(with: [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]) {
            self = .asf
        } else {
            let atoms = ["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"]
            let second = head.dropFirst(4)
            guard atoms.contains(where: { second.starts(with: Array($0.utf8)) }) else { return nil }
            self = .movie
        }
    }

    /// Nil where the file cannot be opened.
    static func head(of file: LocalFile) -> [UInt8]? {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: headBytes)
        let count = read(descriptor, &bytes, headBytes)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    package func container(majorBrand: String?) -> MediaContainer {
        switch self {
        // QuickTime files older than `ftyp` have no brand.
        case .movie: majorBrand == nil || majorBrand == "qt  " ? .mov : .mp4
        case .matroska(let docType): docType == "webm" ? .webm : .mkv
        case .avi: .avi
        case .asf: .wmv
        }
    }

    /// Walks the elements of the EBML header (RFC 8794, sections 4 to 6 and 11.2.6).
    private static func docType(in head: [UInt8]) -> String? {
        var position = 4
        guard let headerBytes = number(in: head, at: &position, keepMarker: false) else { return nil }
        let end = min(head.count, position + min(headerBytes, headBytes))
        while position < end {
            guard let id = number(in: head, at: &position, keepMarker: true),
                let size = number(in: head, at: &position, keepMarker: false),
                size <= end - position
            else { return nil }
            if id == 0x4282 {
                return String(decoding: head[position..<position + size].prefix { $0 != 0 }, as: UTF8.self)
            }
            position += size
        }
        return nil
    }

    /// A variable-size integer: the leading zero bits of the first byte tell its length.
    private static func number(in bytes: [UInt8], at position: inout Int, keepMarker: Bool) -> Int? {
        guard position < bytes.count, bytes[position] != 0 else { return nil }
        let length = bytes[position].leadingZeroBitCount + 1
        guard length < 8, position + length <= bytes.count else { return nil }
        var value = Int(bytes[position])
        if !keepMarker { value &= 0xFF >> length }
        for byte in bytes[(position + 1)..<(position + length)] { value = value << 8 | Int(byte) }
        position += length
        return value
    }
}
