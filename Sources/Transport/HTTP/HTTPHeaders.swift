/// Header fields in the order in which they are sent or were received. Names are compared without regard to ASCII
/// case (RFC 9110, section 5.1); repeated fields are kept apart.
package struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var fields: [Field]

    package init(_ fields: [Field] = []) {
        self.fields = fields
    }

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    package mutating func append(name: String, value: String) {
        fields.append(Field(name: name, value: value))
    }

    package mutating func remove(_ name: String) { fields.removeAll { Self.isSameName($0.name, name) } }

    /// The value of the first field of that name.
    package subscript(name: String) -> String? {
        fields.first { Self.isSameName($0.name, name) }?.value
    }

    package func contains(_ name: String) -> Bool {
        self[name] != nil
    }

    private static func isSameName(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
