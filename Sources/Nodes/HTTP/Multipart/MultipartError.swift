/// Why a multipart body is refused. All of them are the client's fault and end the parse.
package enum MultipartError: Error, Equatable {
    /// The media type is not `multipart/form-data`, or its boundary is missing or malformed.
    case invalidContentType
    /// A boundary is followed by something else than padding and a line end.
    case malformedDelimiter
    /// A part's header block is not as RFC 7578 has it, or has no `Content-Disposition: form-data`.
    case malformedHeaders
    /// A part has no name.
    case missingName
    case headersTooLarge(limitBytes: Int)
    case tooManyParts(limit: Int)
    /// Too much before the first boundary, after the last one, or as padding behind one.
    case surroundingsTooLarge(limitBytes: Int)
    /// The body ended before its last boundary.
    case truncated
}
