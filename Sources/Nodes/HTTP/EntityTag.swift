enum EntityTag {
    /// Weak comparison, as RFC 9110, 13.1.2 has it for If-None-Match.
    static func matches(_ field: String, _ etag: String) -> Bool {
        field.split(separator: ",").contains { candidate in
            let tag = String(candidate).trimmingWhitespace()
            return tag == "*" || tag == etag || tag == "W/" + etag
        }
    }
}
