import Actors
import Glibc
import Nodes
import Testing

@Suite("Multipart speed", .enabled(if: getenv("ANB_BENCHMARK") != nil))
struct MultipartBenchmark {
    @Test("a large upload costs little CPU", arguments: ["----WebKitFormBoundary7MA4YWxkTrZu0gW", "short"])
    func throughput(boundary: String) throws {
        var random = SplitMix64(seed: 1)
        let chunk = (0..<65_536).map { _ in UInt8.random(in: 0...255, using: &random) }
        let head = Array("--\(boundary)\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n".utf8)
        var parser = MultipartParser(boundary: try MultipartBoundary(boundary))
        var events = try parser.receive(head)
        let chunkCount = 32_768
        var bodyBytes = 0
        let start = clock()
        for _ in 0..<chunkCount {
            events.removeAll(keepingCapacity: true)
            try chunk.withUnsafeBytes { try parser.receive($0, into: &events) }
            for event in events {
                if case .body(let range) = event { bodyBytes += range.count }
            }
        }
        let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
        print("multipart, boundary \(boundary): \(seconds / (Double(chunkCount) * 65_536 / 1e9)) CPU s/GB")
        #expect(bodyBytes > chunkCount * 65_000)
    }
}
