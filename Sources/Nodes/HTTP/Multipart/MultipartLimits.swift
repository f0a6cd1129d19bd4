/// Bounds of one multipart body. The size of the parts' bodies is bounded by who consumes them.
package struct MultipartLimits: Sendable {
    package var maxParts = 32
    /// One part's header block, line ends included.
    package var maxHeaderBytes = 8 * 1024
    /// Preamble, epilogue and padding together, none of which a browser sends.
    package var maxSurroundingBytes = 4 * 1024

    package init() {}
}
