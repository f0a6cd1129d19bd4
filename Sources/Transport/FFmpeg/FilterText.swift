/// Text made safe for an ffmpeg filter graph.
enum FilterText {
    /// Escapes an option's value twice: for the filter's option list and for the graph around it
    /// (ffmpeg-filters(1), "Notes on filtergraph escaping").
    static func escape(_ value: String) -> String {
        escape(escape(value, special: "\\':"), special: "\\'[],;")
    }

    private static func escape(_ value: String, special: String) -> String {
        var escaped = ""
        for character in value.unicodeScalars {
            if special.unicodeScalars.contains(character) { escaped.unicodeScalars.append("\\") }
            escaped.unicodeScalars.append(character)
        }
        return escaped
    }

    /// Escapes a path for a line `file '…'` of a concat script (ffmpeg-utils(1), "Quoting and escaping").
    static func quote(_ value: String) -> String {
        "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
