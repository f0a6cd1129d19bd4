/// What a `MultipartParser` has seen, in the order of the body.
package enum MultipartEvent: Sendable, Equatable {
    case partBegan(MultipartPartHeaders)
    /// Bytes of the part's body: offsets into the chunk that was just received.
    case body(Range<Int>)
    /// Bytes of the part's body that ended an earlier chunk and might have begun a boundary: fewer than 75.
    case heldBody([UInt8])
    case partEnded
    /// The last boundary was seen; what follows is skipped.
    case finished
}
