import Actors
import FoundationEssentials
import Logging
import Synchronization

/// What the doubles saw, in order.
final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    var entries: [String] { lines.withLock { $0 } }

    /// Suspends, as every real port does.
    func note(_ line: String) async {
        lines.withLock { $0.append(line) }
        await Task.yield()
    }

    func count(of line: String) -> Int { entries.count { $0 == line } }
    func contains(_ line: String) -> Bool { count(of: line) > 0 }
}

/// Answers in their order; the last one for ever.
final class Replies<Value: Sendable>: Sendable {
    private let left: Mutex<[Value]>

    init(_ values: Value...) { left = Mutex(values) }

    func next() -> Value { left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
}

/// A value that doubles and tests share.
final class Box<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }
    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        storage.withLock { value in body(&value) }
    }
    func set(_ new: Value) { storage.withLock { $0 = new } }
}

final class SeededRandom: RandomSource {
    private let words: Mutex<SplitMix64>

    init(seed: UInt64 = 1) { words = Mutex(SplitMix64(seed: seed)) }

    func next() -> UInt64 { words.withLock { $0.next() } }

    func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

struct FixedRandom: RandomSource {
    let value: UInt64
    func next() -> UInt64 { value }
}

struct ManualWallClock: WallClock {
    let date = Box(Date(timeIntervalSince1970: 1_700_000_000.25))
    var now: Date { date.value }
    func advance(_ seconds: Double) { date.change { $0 = $0.addingTimeInterval(seconds) } }
}

extension Logger {
    static let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
}

/// Ids that tests name by a number.
func id<Subject>(_ number: Int, _ subject: Subject.Type = Subject.self) -> Identifier<Subject> {
    let digits = String(number)
    let padded = String(repeating: "0", count: 12 - digits.count) + digits
    guard let id = Identifier<Subject>("00000000-0000-4000-8000-\(padded)") else {
        preconditionFailure("a well-formed id")
    }
    return id
}

func original(of video: VideoID, fileExtension: String = "mp4") -> OriginalObject {
    OriginalObject(
        key: .original(video, fileExtension: fileExtension), contentType: "video/mp4", sizeBytes: 10, sha256: "00",
        duration: .seconds(20))
}

let away = RepositoryError.unavailable("away")
