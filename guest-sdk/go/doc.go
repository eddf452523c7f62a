// Package dacapo is the SDK for durable orchestrators and activities in Go, built into one WebAssembly component.
//
//	func init() {
//		dacapo.Orchestrator("HelloCities", HelloCities)
//		dacapo.Activity("SayHello", SayHello)
//	}
//
//	func main() {}
//
//	func HelloCities(ctx *dacapo.Context, _ struct{}) ([]string, error) {
//		var greetings []string
//		for _, city := range []string{"Tokyo", "Seattle", "London"} {
//			greeting, err := dacapo.CallActivity[string](ctx, "SayHello", city).Await()
//			if err != nil {
//				return nil, err
//			}
//			greetings = append(greetings, greeting)
//			if err := ctx.SetCustomStatus(city); err != nil {
//				return nil, err
//			}
//		}
//		return greetings, nil
//	}
//
//	func SayHello(_ *dacapo.ActivityContext, name string) (string, error) {
//		return "Hello " + name + "!", nil
//	}
//
// An orchestrator is played again from its beginning whenever it has to go on in a fresh instance, so it must ask for the
// same things in the same order each time. Clock, randomness and maps' order are the same on replay; variables of a
// package that outlive a play are not.
package dacapo
