/// The boundary of a `multipart/form-data` body (RFC 2046, section 5.1.1): 1 to 70 characters.
package struct MultipartBoundary: Sendable, Equatable {
    package let text: String

    /// Reads the `boundary` parameter of a Content-Type, quoted or not.
    package init(contentType: String) throws(MultipartError) {
        guard let header = HeaderParameters(contentType), header.value == "multipart/form-data",
            let boundary = header["boundary"]
        else { throw .invalidContentType }
        try self.init(boundary)
    }

    package init(_ text: String) throws(MultipartError) {
        guard (1...70).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed), text.utf8.last != 0x20 else {
            throw .invalidContentType
        }
        self.text = text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "'()+_,-./:=? ".utf8.contains(byte)
        }
    }
}
