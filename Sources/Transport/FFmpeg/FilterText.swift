import Actors

/// Text made safe for an ffmpeg filter graph.
package enum FilterText {
    /// Escapes an option's value twice: for the filter's option list and for the graph around it
    /// (ffmpeg-filters(1), "Notes on filtergraph escaping").
    package static func escape(_ value: String) -> String {
        escape(escape(value, special: "\\':"), special: "\\'[],;")
    }

    /// A source that reads one PNG. The plain image demuxer would take a `%` in the path for a pattern.
    static func still(_ file: LocalFile) -> String {
        "movie=filename=\(escape(ClipFormat.url(file))):format_name=png_pipe"
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
    package static func quote(_ value: String) -> String {
        "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
