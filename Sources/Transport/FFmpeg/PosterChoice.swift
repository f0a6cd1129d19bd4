/// Of the pictures of a clip the one that shows most.
///
/// All are compressed alike, so the largest is the one with most detail: a black picture, one in mid-fade or one blurred by a
/// fast turn of the camera takes few bytes.
package enum PosterChoice {
    /// - Parameter stream: JPEGs one behind the other, without thumbnails of their own.
    package static func best(of stream: [UInt8]) -> ArraySlice<UInt8>? {
        var starts: [Int] = []
        // Within a picture's data a byte of 0xFF is followed by 0x00 (ITU-T T.81, section B.1.1.5).
        for position in stream.indices.dropLast(2)
        where stream[position] == 0xFF && stream[position + 1] == 0xD8 && stream[position + 2] == 0xFF {
            starts.append(position)
        }
        return zip(starts, starts.dropFirst() + [stream.count]).map { stream[$0..<$1] }.max { $0.count < $1.count }
    }
}
