import Actors
import HTTPTypes
import Hummingbird
import NIOCore
import Transport

extension Response {
    /// Below this a compressed body saves no packet.
    private static let leastCompressedBytes = 1200

    /// A body that is made once and sent to many: 304 for whom it is no news (RFC 9110, 13.1.2), gzip for who takes it.
    static func ready(_ body: ReadyBytes, to request: Request, headers: HTTPFields) -> Response {
        let tag = "\"\(body.tag)\""
        let packedTag = "\"\(body.tag)-gzip\""
        var headers = headers
        // Stored by whoever likes, and asked for again each time: votes count at once.
        headers.append(HTTPField(name: .cacheControl, value: "no-cache"))
        headers.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        let isLong = body.bytes.count >= leastCompressedBytes
        let packed =
            isLong && request.headers[.acceptEncoding].map(takesGzip) ?? false
            ? body.compressed(by: Gzip.compressed) : nil
        headers.append(HTTPField(name: .eTag, value: packed == nil ? tag : packedTag))
        if let known = request.headers[.ifNoneMatch],
            EntityTag.matches(known, tag) || EntityTag.matches(known, packedTag)
        {
            return Response(status: .notModified, headers: headers)
        }
        headers.append(HTTPField(name: .contentType, value: "application/json; charset=utf-8"))
        if packed != nil { headers.append(HTTPField(name: .contentEncoding, value: "gzip")) }
        let buffer = packed.map { ByteBuffer(bytes: $0) } ?? body.buffer { ByteBuffer(bytes: $0) }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: buffer))
    }

    /// RFC 9110, 12.5.3: named, or any, and not with a weight of zero.
    static func takesGzip(_ field: String) -> Bool {
        var anything: Bool?
        for part in field.split(separator: ",") {
            let words = part.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let coding = words.first else { continue }
            let weight = words.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
            let isWanted = weight.map { Double($0) ?? 0 > 0 } ?? true
            if coding == "gzip" || coding == "x-gzip" { return isWanted }
            if coding == "*" { anything = isWanted }
        }
        return anything ?? false
    }
}
