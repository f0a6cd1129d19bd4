import Actors
import Testing
import Transport

@Suite("The body of a message")
struct JobMessageCodecTests {
    @Test("is what the format says, and reads back")
    func roundTrip() throws {
        let video = try #require(VideoID("0b4c3a7e-5d0f-4a55-9d6c-3f1f6d1a2b3c"))
        let message = JobMessage(Dispatch(video: video, number: 7))
        let body = JobMessageCodec.encode(message)
        #expect(body == #"{"format":1,"video_id":"0b4c3a7e-5d0f-4a55-9d6c-3f1f6d1a2b3c","dispatch":7}"#)
        #expect(JobMessageCodec.decode(body) == message)
    }

    @Test(
        "of another format is no job",
        arguments: [
            "", "x", "[]", #"{"format":2,"video_id":"0b4c3a7e-5d0f-4a55-9d6c-3f1f6d1a2b3c","dispatch":7}"#,
            #"{"format":1,"video_id":"0b4c","dispatch":7}"#, #"{"format":1,"dispatch":7}"#,
            #"{"format":1,"video_id":"0b4c3a7e-5d0f-4a55-9d6c-3f1f6d1a2b3c","dispatch":0}"#,
        ])
    func unknown(body: String) {
        #expect(JobMessageCodec.decode(body) == nil)
    }
}
