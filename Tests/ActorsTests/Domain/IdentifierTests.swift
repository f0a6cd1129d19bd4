import Actors
import Testing

struct IdentifierTests {
    private static let text = "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"

    @Test("an id is written in lower case, whatever it was read from")
    func form() {
        #expect(VideoID(Self.text)?.description == Self.text)
        #expect(VideoID(Self.text.uppercased())?.description == Self.text)
        #expect(VideoID(Self.text) == VideoID(Self.text.uppercased()))
    }

    @Test(
        "only the form of 36 characters is an id",
        arguments: [
            "", "0a1b2c3d4e5f4a6b8c7d0123456789ab", "{\(text)}", "\(text) ", "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ag",
        ])
    func refuses(_ text: String) {
        #expect(VideoID(text) == nil)
    }

    @Test("ids are ordered by their bytes, as the database orders them")
    func order() throws {
        let high = try #require(UserID("ff000000-0000-4000-8000-000000000000"))
        let low = try #require(UserID("0f000000-0000-4000-8000-0000000000ff"))
        #expect(low < high)
        #expect(!(high < low))
    }

    @Test("a made id has version 4 and the RFC's variant, whatever the random bits", arguments: [UInt64.min, .max])
    func bits(_ word: UInt64) throws {
        let made: VideoID = IdentifierSource(random: FixedRandom(value: word)).make()
        let text = Array(made.description)
        #expect(text[14] == "4")
        #expect(text[19] == (word == 0 ? "8" : "b"))
        #expect(text[0] == (word == 0 ? "0" : "f") && text[35] == (word == 0 ? "0" : "f"))
    }

    @Test("made ids differ")
    func distinct() {
        let ids = IdentifierSource(random: SeededRandom())
        #expect(Set((0..<1000).map { _ in ids.make(Video.self) }).count == 1000)
    }
}

struct ObjectKeyTests {
    @Test("a key's name is prefix, id and extension, and leads back to the video")
    func names() {
        let video: VideoID = id(7)
        #expect(ObjectKey.original(video, fileExtension: "mov").name == "original/\(video).mov")
        #expect(ObjectKey.processedVideo(video).name == "processed/\(video).mp4")
        #expect(ObjectKey.poster(video).name == "processed/\(video).jpg")
        for key in [ObjectKey.original(video, fileExtension: "mov"), .processedVideo(video), .poster(video)] {
            #expect(key.video == video)
        }
    }

    @Test(
        "a name that this system does not make belongs to no video",
        arguments: [
            "", "original/", "original/readme.txt", "other/00000000-0000-4000-8000-000000000007.mp4",
            "original/00000000-0000-4000-8000-000000000007", "00000000-0000-4000-8000-000000000007.mp4",
        ])
    func foreign(_ name: String) {
        #expect(ObjectKey(name).video == nil)
    }

    @Test("keys are ordered by UTF-8 bytes, as S3 lists them")
    func order() {
        #expect(ObjectKey("original/Z") < ObjectKey("original/a"))
        #expect(ObjectKey("original/z") < ObjectKey("original/é"))
    }
}

struct VideoStateTests {
    @Test("processed and failed are terminal, and nothing else")
    func terminal() {
        #expect(VideoState.allCases.filter(\.isTerminal) == [.processed, .failed])
    }
}
