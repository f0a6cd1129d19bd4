/// The header block of one part (RFC 7578, section 4). Names and file names come from the client: they may hold any
/// character but NUL, paths included.
package struct MultipartPartHeaders: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        /// Lowercased.
        package let name: String
        package let value: String
    }

    /// The form field's name.
    package let name: String
    /// nil for a plain field; empty when a file input was left empty. `filename*` counts before `filename`.
    package let filename: String?
    /// The part's own Content-Type, as sent.
    package let contentType: String?
    /// All fields, in their order.
    package let fields: [Field]

    /// - Parameter block: the lines between boundary and body, each with its CRLF, without the empty one.
    init(block: ArraySlice<UInt8>) throws(MultipartError) {
        let fields = try Self.parseFields(block)
        let dispositions = fields.filter { $0.name == "content-disposition" }
        guard dispositions.count == 1, let disposition = HeaderParameters(dispositions[0].value),
            disposition.value == "form-data"
        else { throw .malformedHeaders }
        guard let name = disposition["name"] else { throw .missingName }
        self.name = PercentDecoding.decodeFormName(name)
        filename =
            disposition["filename*"].flatMap(PercentDecoding.decodeExtendedValue)
            ?? disposition["filename"].map(PercentDecoding.decodeFormName)
        contentType = fields.first { $0.name == "content-type" }?.value
        self.fields = fields
    }

    private static func parseFields(_ block: ArraySlice<UInt8>) throws(MultipartError) -> [Field] {
        var fields: [Field] = []
        var rest = block
        while !rest.isEmpty {
            guard let end = rest.firstIndex(of: 0x0D), end + 1 < rest.endIndex, rest[end + 1] == 0x0A else {
                throw .malformedHeaders
            }
            fields.append(try parseField(rest[..<end]))
            rest = rest[(end + 2)...]
        }
        return fields
    }

    private static func parseField(_ line: ArraySlice<UInt8>) throws(MultipartError) -> Field {
        // A bare line feed, a NUL, or a folded line: other recipients would read something else.
        guard !line.contains(0x0A), !line.contains(0), let colon = line.firstIndex(of: UInt8(ascii: ":")),
            colon > line.startIndex, !line[..<colon].contains(where: { $0 <= 0x20 || $0 >= 0x7F })
        else { throw .malformedHeaders }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return Field(
            name: String(decoding: line[..<colon], as: UTF8.self).lowercased(),
            value: String(decoding: value, as: UTF8.self)
        )
    }
}
