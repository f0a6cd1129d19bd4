import Actors
import Testing

struct UploadPolicyTests {
    private static let policy = UploadPolicy(
        contest: ContestPolicy(
            minimumDuration: .seconds(2), maximumDuration: .seconds(60), maximumPixels: 1920 * 1080, minimumLines: 480))

    private static func media(_ width: Int, _ height: Int, _ duration: Duration? = .seconds(20)) -> MediaDescription {
        MediaDescription(container: .mp4, width: width, height: height, duration: duration)
    }

    @Test(
        "a clip at a limit is accepted",
        arguments: [
            media(1920, 1080), media(1080, 1920), media(480, 640), media(640, 480), media(1280, 720, .seconds(2)),
            media(1280, 720, .seconds(60)), media(1280, 720, nil),
        ])
    func passes(_ media: MediaDescription) throws {
        try Self.policy.check(media)
    }

    @Test(
        "a clip beyond a limit is refused with the rule that it breaks",
        arguments: [
            (media(1921, 1080), FailureReason.tooManyPixels(width: 1921, height: 1080, maximum: 2_073_600)),
            (media(.max, .max), .tooManyPixels(width: .max, height: .max, maximum: 2_073_600)),
            (media(1000, 479), .tooFewLines(height: 479, minimum: 480)),
            (media(479, 1000), .tooFewLines(height: 479, minimum: 480)),
            (media(1280, 720, .milliseconds(1999)), .tooShort(seconds: 1.999, minimum: 2)),
            (media(1280, 720, .milliseconds(60_001)), .tooLong(seconds: 60.001, maximum: 60)),
            (media(4000, 4000, .seconds(999)), .tooManyPixels(width: 4000, height: 4000, maximum: 2_073_600)),
        ])
    func refuses(_ media: MediaDescription, _ reason: FailureReason) {
        #expect(throws: reason) { try Self.policy.check(media) }
    }
}

struct VideoTitleTests {
    @Test("a title is trimmed, and keeps its inner space")
    func trims() throws {
        #expect(try VideoTitle(" \n Mi  triple\t").text == "Mi  triple")
    }

    @Test("a blank title is refused", arguments: ["", " ", "\n\t\u{A0}"])
    func blank(_ text: String) {
        #expect(throws: VideoTitle.Refusal.blank) { try VideoTitle(text) }
    }

    @Test("a title has at most 200 characters, as people count them")
    func length() throws {
        let longest = String(repeating: "ñ", count: 199) + "👨‍👩‍👧"
        #expect(try VideoTitle("  \(longest)  ").text == longest)
        #expect(throws: VideoTitle.Refusal.tooLong) { try VideoTitle(longest + "a") }
    }
}
